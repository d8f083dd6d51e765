# Shared by the suites. Each suite is one executable file of tools/suites, run by tools/test in
# the repository's top folder; it does its own set-up and reports each test case with `record`.
# shellcheck shell=bash
set -euo pipefail

suite=$(basename "$0")
# shellcheck disable=SC2034 # the suites use it
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
cache=${XDG_CACHE_HOME:-$HOME/.cache}/chimerax-sandbox
: "${SANDBOX_TEST_RESULTS:=/dev/null}"
# No __pycache__ beside the sources.
export PYTHONDONTWRITEBYTECODE=1
# ccache takes what was compiled with a precompiled header only where it is told to.
export CCACHE_SLOPPINESS=pch_defines,time_macros
# One checkout's objects serve another: what differs is the folder's name in the debug information.
# Not Clang's (see suites/build): its precompiled headers name the checkout that they were made in.
export CCACHE_NOHASHDIR=1

# record pass|fail|skip NAME: one test case for the totals.
record() {
    printf '%s\t%s\t%s\n' "$1" "$suite" "$2" >>"$SANDBOX_TEST_RESULTS"
    [[ $1 == pass ]] || printf '%s: %s: %s\n' "$1" "$suite" "$2"
}

# check NAME COMMAND...: one test case, which passes where the command does.
check() {
    local name=$1
    shift
    if "$@"; then
        record pass "$name"
    else
        record fail "$name"
    fi
}

setup() {
    ./tools/setup "$@"
}

# configure TREE CXX [OPTION]: the build tree of a compiler, made where it is not yet; prints nothing but
# failures. The option is -Dtests=true or none.
configure() {
    local tree=$1 cxx=$2 options=${3:-}
    if [[ -f $tree/build.ninja ]]; then
        # Made without the tests, by hand or by tools/demo.
        [[ -z $options ]] || grep -q tests/unit "$tree/build.ninja" || meson configure "$tree" "$options"
        return
    fi
    local launcher=
    command -v ccache >/dev/null && launcher='ccache '
    # shellcheck disable=SC2086 # no option is no word
    CXX="$launcher$cxx" meson setup "$tree" $options >"$tree.log" 2>&1 || {
        cat "$tree.log"
        rm -f "$tree.log"
        return 1
    }
    rm -f "$tree.log"
}

# compile TREE [TARGET...]: quiet when all is well; the output of what failed otherwise.
compile() {
    local tree=$1 log status=0
    shift
    log=$(mktemp)
    ninja -C "$tree" "$@" >"$log" 2>&1 || status=$?
    warnings=$(grep -c 'warning:' "$log" || true)
    # Progress lines are of no use to who reads a failure.
    [[ $status -eq 0 && $warnings -eq 0 ]] || grep -vE '^(\[[0-9]+/[0-9]+\]|ninja: (Entering|build stopped))' "$log" || true
    rm -f "$log"
    return "$status"
}

# The programs alone.
product_tree() {
    configure build g++ && compile build
}

# The tree that the tests run from.
test_tree() {
    configure build g++ -Dtests=true && compile build
}

# The same with the dashboard, which a tree that was made without npm lacks.
dashboard_tree() {
    configure build g++ -Dtests=true || return 1
    grep -q uPlot build/build.ninja || meson configure build -Ddashboard=enabled || return 1
    compile build
}

# What an administrator would install, without debug information, in the given empty folder.
install_tree() {
    DESTDIR=$1 meson install -C build --no-rebuild --strip --quiet
}

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    else
        # sudo clears the environment; these say how to test, and where results go.
        sudo env "SANDBOX_TEST_RESULTS=$SANDBOX_TEST_RESULTS" "CI=${CI:-}" PYTHONDONTWRITEBYTECODE=1 \
            "SANDBOX_TESTS_MUST_RUN=${SANDBOX_TESTS_MUST_RUN:-}" \
            "SANDBOX_CHURN_SESSIONS=${SANDBOX_CHURN_SESSIONS:-120}" "SANDBOX_CHURN_KILLS=${SANDBOX_CHURN_KILLS:-5}" "$@"
    fi
}

# The built tree as an administrator would install it, in the folder $installed until the suite ends.
# Policies are read only where root owns every folder on the way.
install_for_root() {
    if ! test_tree; then
        record fail 'the tree builds'
        exit 1
    fi
    installed=$(mktemp -d)
    trap 'as_root rm -rf "$installed"' EXIT
    install_tree "$installed"
    as_root chown -R 0:0 "$installed"
    as_root chmod 755 "$installed"
}

# tap_tests SECONDS PROGRAM...: programs that print TAP and get $installed as argument, each on a host of its
# own and for at most so long.
tap_tests() {
    local timeout=$1 program status=0
    shift
    for program in "$@"; do
        [[ ! -x $program ]] || as_root "$lib/private-host" "$lib/programs.py" "$suite" tap --argument "$installed" \
            --timeout "$timeout" "$program" || status=1
    done
    return "$status"
}
