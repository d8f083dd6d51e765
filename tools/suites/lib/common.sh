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
# In which language it complains makes no other object: rpmbuild has its own.
export CCACHE_SLOPPINESS=pch_defines,time_macros,locale
# One checkout's objects serve another: what differs is the folder's name in the debug information.
export CCACHE_NOHASHDIR=1

# record pass|fail|skip NAME [SECONDS]: one test case for the totals.
record() {
    printf '%s\t%s\t%s\t%s\n' "$1" "$suite" "$2" "${3:-}" >>"$SANDBOX_TEST_RESULTS"
    [[ $1 == pass ]] || printf '%s: %s: %s\n' "$1" "$suite" "$2"
}

# seconds_since EPOCHREALTIME
seconds_since() {
    local microseconds=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
    printf '%d.%03d' $((microseconds / 1000000)) $((microseconds / 1000 % 1000))
}

# check NAME COMMAND...: one test case, which passes where the command does.
check() {
    local name=$1 verdict=fail start=$EPOCHREALTIME
    shift
    if "$@"; then
        verdict=pass
    fi
    record "$verdict" "$name" "$(seconds_since "$start")"
}

setup() {
    ./tools/setup "$@"
}

# in_tree TREE COMMAND...: with the build tree to itself, as suites may run side by side.
in_tree() {
    local tree=$1 lock status=0
    shift
    mkdir -p "$tree"
    exec {lock}<"$tree"
    flock "$lock"
    "$@" || status=$?
    exec {lock}<&-
    return "$status"
}

# What the tests' trees are made with.
test_options='-Dtests=true -Dfault_points=true'

# configure TREE CXX [OPTIONS]: the build tree of a compiler, made where it is not yet; prints nothing but
# failures and progress. The options are those of $test_options, or none.
configure() {
    in_tree "$1" configure_tree "$@"
}

configure_tree() {
    local tree=$1 cxx=$2 options=${3:-}
    if [[ -f $tree/build.ninja ]]; then
        # Made by hand or by tools/demo, without the tests or the places where they have a program die.
        # shellcheck disable=SC2086 # several words
        if [[ -n $options ]] && ! { grep -q tests/unit "$tree/build.ninja" && grep -q DSANDBOX_FAULT_POINTS=1 "$tree/build.ninja"; }; then
            meson configure "$tree" $options
        fi
        return
    fi
    local launcher=
    command -v ccache >/dev/null && launcher='ccache '
    # It fetches the dashboard's charting library, too.
    # shellcheck disable=SC2086 # no option is no word
    CXX="$launcher$cxx" "$lib/progress.py" "$suite: configuring $tree" "$tree.log" meson setup "$tree" $options || {
        cat "$tree.log"
        rm -f "$tree.log"
        return 1
    }
    rm -f "$tree.log"
}

# compile TREE [TARGET...]: only its progress when all is well; the output of what failed otherwise.
compile() {
    in_tree "$1" compile_tree "$@"
}

compile_tree() {
    local tree=$1 log status=0
    shift
    log=$(mktemp)
    "$lib/progress.py" "$suite" "$log" ninja -C "$tree" "$@" || status=$?
    warnings=$(grep -c 'warning:' "$log" || true)
    [[ $status -eq 0 && $warnings -eq 0 ]] || grep -vE '^ninja: (Entering|build stopped)' "$log" || true
    rm -f "$log"
    return "$status"
}

# The programs alone.
product_tree() {
    configure build g++ && compile build
}

# The tree that the tests run from.
test_tree() {
    configure build g++ "$test_options" && compile build
}

# The same with the dashboard, which a tree that was made without npm lacks.
dashboard_tree() {
    configure build g++ "$test_options" || return 1
    grep -q uPlot build/build.ninja || meson configure build -Ddashboard=enabled || return 1
    compile build
}

# What Clang and clang-tidy look at: commands, and the headers that the build makes; no objects.
clang_tree() {
    configure build-clang clang++-14 "$test_options" && in_tree build-clang generated_headers
}

generated_headers() {
    ninja -C build-clang -t targets all | sed -n 's/\.hpp: CUSTOM_COMMAND.*/.hpp/p' | xargs -r ninja -C build-clang >/dev/null
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

# tap_tests SECONDS JOBS PROGRAM...: programs that print TAP and get $installed as argument, each on a host of its
# own and for at most so long, so many of them at once.
tap_tests() {
    local timeout=$1 jobs=$2 program programs=()
    shift 2
    for program in "$@"; do
        [[ ! -x $program ]] || programs+=("$program")
    done
    [[ ${#programs[@]} -eq 0 ]] || as_root "$lib/programs.py" "$suite" tap --under "$lib/private-host" \
        --argument "$installed" --timeout "$timeout" --jobs "$jobs" "${programs[@]}"
}
