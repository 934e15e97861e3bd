#!/bin/sh
# Executes a program and its arguments as a user that is not root, such as a test of grpcd's sandbox, which refuses root. Root
# enters a user namespace without users: it still owns its files, but has another number and no capabilities.
[ "$(id -u)" = 0 ] || exec "$@"
unshare --user true || { echo "SKIPPED: root cannot make user namespaces here"; exit 77; }
exec unshare --user -- "$@"
