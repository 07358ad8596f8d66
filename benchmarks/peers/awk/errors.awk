# J1 in awk: splits every line on quotes and spaces, without checks or time conversion.
BEGIN { FS = "\"" }
{
  split($1, who, " ")
  split($2, request, " ")
  split($3, numbers, " ")
  if (numbers[1] < 500) next
  printf "{\"remote_addr\":\"%s\",\"remote_user\":\"%s\",\"time\":\"%s\",\"request_method\":\"%s\",\"request_uri\":\"%s\"," \
    "\"server_protocol\":\"%s\",\"status\":%d,\"body_bytes_sent\":%d,\"http_referer\":\"%s\",\"http_user_agent\":\"%s\"}\n", \
    who[1], who[3], substr(who[4], 2), request[1], request[2], request[3], numbers[1], numbers[2], $4, $6 > output
}
