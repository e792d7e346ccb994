# Shared by script/test and its like: counts what ran. `. script/test-lib.sh` after script/lib.sh. POSIX sh.

passed=0
failed=0
count() {   # count WHAT PASSED FAILED SKIPPED
  printf '%s: %s passed, %s failed, %s skipped\n' "$@"
  passed=$((passed + $2))
  failed=$((failed + $3))
}

# run_unit_tests FOLDER TIMES: of a build folder, with TIMES the usual patience.
run_unit_tests() {
  log=$1/meson-logs/testlog.txt
  rm -f "$log"
  status=0
  CMOCKA_MESSAGE_OUTPUT=TAP meson test -C "$1" --suite unit --timeout-multiplier "$2" --print-errorlogs >build/unit.out \
    2>&1 || status=$?
  [ $status = 0 ] || cat build/unit.out
  good=$(grep '^ok ' "$log" | grep -vc '# SKIP' || :)
  bad=$(grep -c '^not ok ' "$log" || :)
  skipped=$(grep -c '^ok .*# SKIP' "$log" || :)
  # A crash leaves no line of its own, and a run without a single test is no success.
  if [ $status != 0 ] && [ "$bad" = 0 ] || [ "$good" = 0 ]; then bad=$((bad + 1)); fi
  count "unit tests" "$good" "$bad" "$skipped"
}

make_venv() {
  cksum test/requirements.txt >build/requirements.sum
  cmp -s build/requirements.sum build/venv/requirements.sum && return 0
  say "Making the Python environment of the tests"
  rm -rf build/venv
  python3 -m venv build/venv
  build/venv/bin/pip install -q --disable-pip-version-check -r test/requirements.txt >&2
  mv build/requirements.sum build/venv/
}

attribute() { sed -n "s/.*<testsuite [^>]*\b$1=\"\([0-9]*\)\".*/\1/p" build/pytest.xml | head -n 1; }

# run_pytest ARGUMENTS…: paths, and options of pytest. A process a core, each with a server of its own, so that a test
# has its server to itself; a file's tests stay in one process.
run_pytest() {
  rm -f build/pytest.xml
  status=0
  env -u DECANT_TEST_DB build/venv/bin/python -m pytest -c test/pytest.ini --rootdir test -n auto --maxprocesses 4 \
    --dist loadfile "$@" --junitxml=build/pytest.xml || status=$?
  if [ ! -s build/pytest.xml ]; then
    count "integration and interop tests" 0 1 0
    return
  fi
  bad=$(($(attribute failures) + $(attribute errors)))
  skipped=$(attribute skipped)
  good=$(($(attribute tests) - bad - skipped))
  if [ $status != 0 ] && [ $bad = 0 ]; then bad=1; fi
  count "integration and interop tests" $good $bad "$skipped"
}

finish_tests() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
