# Sourced by the build scripts. Puts a JDK 25 into JAVA_HOME and PATH, or ends the script.
# Exactly 25, because Error Prone and google-java-format reach into javac's internals and are
# proved on this release only; the pom's enforcer demands the same.

larder_java_major() {
  # The release file answers without starting a JVM, which keeps ./larder quick.
  local line
  if [[ -r "$1/release" ]]; then
    line=$(grep -m1 '^JAVA_VERSION=' "$1/release") || return 1
    line=${line#JAVA_VERSION=\"}
    printf '%s' "${line%%[.\"+-]*}"
  else
    "$1/bin/java" -XshowSettings:properties -version 2>&1 |
      sed -n 's/^ *java\.specification\.version = \([0-9]*\).*/\1/p'
  fi
}

larder_find_java25() {
  local candidate on_path
  local -a candidates=()
  [[ -n "${JAVA_HOME:-}" ]] && candidates+=("$JAVA_HOME")
  candidates+=(/usr/lib/jvm/*25* /opt/*25* "${HOME:-/nonexistent}"/.sdkman/candidates/java/*)
  if on_path=$(command -v javac) && on_path=$(readlink -f "$on_path"); then
    candidates+=("${on_path%/bin/javac}")
  fi
  for candidate in "${candidates[@]}"; do
    # javac and not java: a bare runtime cannot build.
    if [[ -x "$candidate/bin/javac" && "$(larder_java_major "$candidate")" == 25 ]]; then
      export JAVA_HOME="$candidate"
      export PATH="$candidate/bin:$PATH"
      return 0
    fi
  done
  return 1
}

if ! larder_find_java25; then
  cat >&2 <<'MESSAGE'
larder: no JDK 25 found in JAVA_HOME, /usr/lib/jvm, /opt, ~/.sdkman or PATH.
Install one and run this again, for example on Debian or Ubuntu:
  apt-get install openjdk-25-jdk      (or temurin-25-jdk)
MESSAGE
  exit 1
fi

# Maven's own libraries still call sun.misc.Unsafe; without this every run starts with a warning.
export MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow"
