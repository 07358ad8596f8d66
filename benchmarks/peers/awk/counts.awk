# J2 in awk: status and the time up to the minute, split on spaces.
BEGIN { FS = "\"" }
{
  split($3, numbers, " ")
  counts[substr($1, index($1, "[") + 1, 17) " " numbers[1]]++
}
END { for (key in counts) print key, counts[key] > output }
