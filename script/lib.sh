# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash
# What the scripts share. They source it from the root of the project.

# As many jobs as processors, unless the caller has said otherwise.
processors=$(getconf _NPROCESSORS_ONLN)
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$processors}"
export CTEST_PARALLEL_LEVEL="${CTEST_PARALLEL_LEVEL:-$processors}"

# A compilation is the same one in any checkout.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$PWD}" CCACHE_NOHASHDIR=1
# What it asks for before it caches anything that includes a precompiled header.
export CCACHE_SLOPPINESS="${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}"

# What examples/dgrep is built with.
# shellcheck disable=SC2034
dgrep_packages=(libre2-dev libcli11-dev zlib1g-dev libbz2-dev libzstd-dev libsimdjson-dev nlohmann-json3-dev pkg-config)

say() { printf '\n== %s\n' "$*"; }

# Whether what a Debian package provides is there, be it from the package or, for a program, from elsewhere.
is_present() {
  case $1 in
    ninja-build) command -v ninja ;;
    clang-19 | clang-22) command -v "${1/-/++-}" ;;
    g++ | cmake | ccache | git | shellcheck | clang-format-* | valgrind | python3) command -v "$1" ;;
    *) dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>&1 | grep -qx installed ;;
  esac >/dev/null
}

# need_packages <package>...: installs what is missing, and says so. Without root it prints the line to run and exits 2.
need_packages() {
  local package missing=()
  for package; do
    is_present "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  if ! command -v apt-get >/dev/null; then
    echo "$0: this system has no apt-get. Please install the equivalent of these Debian packages: ${missing[*]}" >&2
    exit 2
  fi
  local as_root=()
  if ((EUID != 0)); then
    if ! sudo -n true 2>/dev/null; then
      echo "$0: packages are missing, and installing them needs root. Please run:" >&2
      echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 2
    fi
    as_root=(sudo -n)
  fi

  say "installing: ${missing[*]}"
  local apt_get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq)
  "${apt_get[@]}" update || echo "$0: apt-get update failed; trying with the package lists that are here" >&2
  "${apt_get[@]}" install --yes --no-install-recommends "${missing[@]}"
}

# want_packages <package>...: installs what can be had without removing anything; the rest is done without.
want_packages() {
  local package as_root=()
  ((EUID == 0)) || as_root=(sudo -n)
  for package; do
    is_present "$package" && continue
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends --no-remove \
      "$package" >/dev/null 2>&1 || echo "$0: $package cannot be installed here: going on without" >&2
  done
}

# build_alone <folder> <target> <cmake option>...: builds one target, optimised, without tests.
build_alone() {
  local folder=$1 target=$2
  shift 2
  cmake --preset release -B "$folder" --no-warn-unused-cli \
    -DFANOUT_BUILD_TESTS=OFF -DFANOUT_BUILD_EXAMPLES=OFF -DFANOUT_BUILD_BENCH=OFF "$@" >/dev/null
  cmake --build "$folder" --target "$target"
}
