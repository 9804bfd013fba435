#!/usr/bin/env bash
# Unpacks Bucardo from Debian's packages into a folder: `bench/peers/bucardo.sh FOLDER`.
#
# Nothing is installed into the system. What Bucardo needs besides Perl and libdbi-perl comes along: its Perl modules,
# and a PostgreSQL of Debian with PL/Perl, which its control database is written in. Written for Debian 12 (bookworm);
# takes apt, dpkg, and 70 MB. Run by the benchmarks with --peer bucardo; the product needs none of it.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
[ ! -e "$folder/done" ] || exit 0
for needed in apt-get dpkg perl; do
    command -v "$needed" >/dev/null || { echo "$needed is missing: this takes a Debian" >&2; exit 1; }
done
perl -MDBI -e1 2>/dev/null || { echo "install libdbi-perl first" >&2; exit 1; }
mkdir -p "$folder/packages"
cd "$folder/packages"
apt-get download -q \
    bucardo libdbix-safe-perl libdbd-pg-perl libboolean-perl libpod-parser-perl \
    postgresql-15 postgresql-client-15 postgresql-plperl-15
for package in *.deb; do
    dpkg --extract "$package" "$folder"
done
rm -r "$folder/packages"
chmod -R a+rX "$folder"
touch "$folder/done"
