#!/bin/sh
# Runs one embedded server and ends it as soon as Gangway is gone, however Gangway ended.
#   guard.sh PID_FILE STOP_SIGNAL COMMAND [arguments]
# Gangway holds the other end of the pipe on descriptor 3: it closes at the latest when that process dies (SIGKILL
# included), and the watcher below sees the end of the file. Started in a process group of its own, so that a Ctrl-C
# in the terminal reaches Gangway first, which stops the servers last.
pid_file=$1
stop_signal=$2
shift 2
server=
stopping=
stop() {
  stopping=yes
  [ -z "$server" ] || kill -s "$stop_signal" "$server" 2>/dev/null
}
trap '' INT HUP QUIT
trap stop TERM

"$@" </dev/null 3<&- &
server=$!
echo "$server" >"$pid_file"
[ -z "$stopping" ] || stop

{
  trap - TERM
  while read -r _; do :; done
  kill -s "$stop_signal" "$server" 2>/dev/null
  # Five seconds to stop by itself, looked at ten times a second so that no sleep is left behind for long.
  left=50
  while [ "$left" -gt 0 ] && kill -0 "$server" 2>/dev/null; do
    sleep 0.1
    left=$((left - 1))
  done
  kill -s KILL "$server" 2>/dev/null
} <&3 &
watcher=$!
exec 3<&-

# A trapped signal ends `wait` early: ask again until the server is really gone.
wait "$server"
status=$?
while kill -0 "$server" 2>/dev/null; do
  wait "$server"
  status=$?
done
kill -s KILL "$watcher" 2>/dev/null
exit "$status"
