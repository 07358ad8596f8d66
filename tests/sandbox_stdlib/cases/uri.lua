local uri = require "uri"

matches(uri.uri, {
  {"https://bob:x@example.com:8080/a/b%20c?x=1&y#top", {scheme = "https", userinfo = "bob:x", host = "example.com", port = 8080,
    path = "/a/b%20c", query = "x=1&y", fragment = "top"}},
  {"http://[2001:db8::1]/", {scheme = "http", host = "2001:db8::1", path = "/"}},
  {"mailto:a@b.c", {scheme = "mailto", path = "a@b.c"}}, {"urn:isbn:0451450523", {scheme = "urn", path = "isbn:0451450523"}},
  {"file:///etc/hosts", {scheme = "file", host = "", path = "/etc/hosts"}},
  {"/a/b", nil}, {"http://a b/", nil}, {"http://x/%zz", nil},
})
matches(uri.uri_reference, {
  {"/a/b?c", {path = "/a/b", query = "c"}}, {"//host/x", {host = "host", path = "/x"}}, {"a/b:c", {path = "a/b:c"}},
  {"", {path = ""}}, {"#f", {path = "", fragment = "f"}}, {"ftp://h", {scheme = "ftp", host = "h", path = ""}},
})
matches(uri.url_query, {
  {"a=1&b=x+y%21&c&a=2", {a = {"1", "2"}, b = "x y!", c = ""}}, {"?a=b=c", {a = "b=c"}}, {"", {}}, {"&&a=1&", {a = "1"}},
})
case("split_path", function() same(uri.split_path "/a//b%2Fc/", {"a", "b/c"}) end)
