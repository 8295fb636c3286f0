# Runs a program, tells its process id, and ends it when standard input closes: that is when the
# parent has gone, `kill -9` included. In sh, since a guard in Node would take 48 MB, not 2.4.
exec 3<&0
"$@" 3<&- >&2 &
program=$!
echo "$program"
exec >&-
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
