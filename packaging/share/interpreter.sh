# shellcheck shell=sh
# Sets `python` to the newest Python of this host that the modules are built for, empty where there is none.
# While a host is upgraded, one may be there that has no library yet: it does not count.
pythons="3.11 to 3.13"
python=
for version in 3.13 3.12 3.11; do
    if [ -x "/usr/bin/python$version" ] && {
        [ -e "/usr/lib/python$version/sqlite3/__init__.py" ] || [ -e "/usr/lib64/python$version/sqlite3/__init__.py" ]
    }; then
        python=/usr/bin/python$version
        break
    fi
done
