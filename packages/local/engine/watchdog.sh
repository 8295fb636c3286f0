# Runs a program, prints its process id, and ends the program when standard input closes. The parent
# holds the other end of that pipe, so it closes however the parent ends, `kill -9` included.
# Written for sh because a watchdog in Node would take 48 MB of memory instead of 2.4 MB.
exec 3<&0
"$@" 3<&- >&2 &
program=$!
echo "$program"
exec >&-
# SIGTERM first, SIGKILL after 3 s.
(
  read -r _ <&3
  kill "$program"
  tries=0
  while kill -0 "$program" && [ $tries -lt 30 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -9 "$program"
) 2>&- &
wait "$program"
status=$?
kill $!
exit $status
