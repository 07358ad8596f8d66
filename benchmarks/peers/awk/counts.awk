# J2 as awk does it: status and the time up to its minute, split on spaces.
BEGIN { FS = "\"" }
{
  split($3, numbers, " ")
  counts[substr($1, index($1, "[") + 1, 17) " " numbers[1]]++
}
END { for (key in counts) print key, counts[key] > output }
