local stack_traces = require "stack_traces"

case("java", function()
  same(stack_traces.parse [[
2024-05-01 ERROR it broke
java.lang.RuntimeException: outer: x
	at com.shop.Cart.add(Cart.java:17)
	at java.base/java.lang.Thread.run(Thread.java:833)
	at sun.reflect.X.invoke0(Native Method)
	... 2 more
Caused by: java.io.IOException
	at com.shop.Db.<init>(Db.java:5)
	... 12 more]], {language = "java", type = "java.lang.RuntimeException", message = "outer: x", before = "2024-05-01 ERROR it broke",
    omitted = 2, frames = {{class = "com.shop.Cart", func = "add", file = "Cart.java", line = 17},
      {class = "java.lang.Thread", func = "run", file = "Thread.java", line = 833},
      {class = "sun.reflect.X", func = "invoke0", native = true}},
    cause = {language = "java", type = "java.io.IOException", omitted = 12,
      frames = {{class = "com.shop.Db", func = "<init>", file = "Db.java", line = 5}}}})
  same(stack_traces.java 'Exception in thread "main" java.lang.Error: a\nsecond\n\tat A.b(Unknown Source)\n',
    {language = "java", type = "java.lang.Error", message = "a\nsecond", frames = {{class = "A", func = "b"}}})
end)

case("python", function()
  same(stack_traces.parse [[
ERROR:root:failed
Traceback (most recent call last):
  File "/srv/app.py", line 10, in main
    run(x)
    ~~~^^^
  File "/srv/run.py", line 3, in run
    return 1 / 0
ZeroDivisionError: division by zero]], {language = "python", type = "ZeroDivisionError", message = "division by zero",
    before = "ERROR:root:failed", frames = {{file = "/srv/run.py", line = 3, func = "run", code = "return 1 / 0"},
      {file = "/srv/app.py", line = 10, func = "main", code = "run(x)"}}})
end)

case("go", function()
  same(stack_traces.parse "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.(*T).run(0xc000, 0x1)\n\t/src/main.go:12 +0x1d\ncreated by main.main\n\t/src/main.go:5 +0x20\n",
    {language = "go", type = "panic", message = "runtime error: index out of range", goroutine = 1, state = "running",
      frames = {{func = "main.(*T).run", file = "/src/main.go", line = 12}, {func = "main.main", file = "/src/main.go", line = 5}}})
end)

case("node", function()
  same(stack_traces.parse "TypeError: x is not a function\n    at Object.<anonymous> (/srv/a.js:3:7)\n    at /srv/b.js:1:2\n    at node:internal/main:17:47",
    {language = "node", type = "TypeError", message = "x is not a function", frames = {
      {func = "Object.<anonymous>", file = "/srv/a.js", line = 3, column = 7}, {file = "/srv/b.js", line = 1, column = 2},
      {file = "node:internal/main", line = 17, column = 47}}})
end)

case("php", function()
  same(stack_traces.parse "PHP Fatal error:  Uncaught App\\Oops: no way in /srv/a.php:7\nStack trace:\n#0 /srv/b.php(9): App\\Cart->add('x', 1)\n#1 [internal function]: {closure}()\n#2 {main}\n  thrown in /srv/a.php on line 7",
    {language = "php", type = "App\\Oops", message = "no way", frames = {{file = "/srv/a.php", line = 7},
      {file = "/srv/b.php", line = 9, class = "App\\Cart", func = "add"}, {func = "{closure}"}}})
end)

case("no trace", function()
  for _, text in ipairs{"", "just a line", "Error: x", "a\nb\nc", "\tat home", "goroutine x", "Stack trace:"} do
    same(stack_traces.parse(text), nil)
  end
end)

case("joining lines", function()
  for _, line in ipairs{"\tat a.b(C.java:1)", "Caused by: x", '  File "x", line 1', "#0 /a(1): b()", "goroutine 1 [running]:", "    at x"} do
    same(stack_traces.is_continuation(line), true)
  end
  same(stack_traces.is_continuation "2024-05-01 next", false)
end)

case("fingerprints", function()
  local function of(line) return stack_traces.fingerprint(stack_traces.node("TypeError: x\n    at f (/a.js:" .. line .. ":7)")) end
  same(of(3), "node|TypeError|f")
  same(of(3), of(99))
end)
