#!/usr/bin/env bash
# Brings up LocalStack as a process of this machine (no Docker) and leaves it running. See ../README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${SPILLWAY_LOCALSTACK_HOME:-$HOME/.cache/spillway-localstack}
port=${LOCALSTACK_PORT:-4566}
run=$home/run-$port
log=$run/localstack.log
url=http://127.0.0.1:$port

die() { echo "localstack: $*" >&2; exit 1; }
need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null && return
  echo "localstack: installing $2" >&2
  { apt-get install -y -qq "$2" || { apt-get update -qq && apt-get install -y -qq "$2"; }; } >/dev/null 2>&1 ||
    die "the command '$1' is missing, and 'apt-get install $2' failed"
}
hash_of() { cat "$@" | sha256sum | cut -c1-16; }
healthy() { curl -sf --noproxy '*' -m 2 "$url/_localstack/health" >/dev/null; }

mkdir -p "$home"
exec 9>"$home/lock"
flock -w 600 9 || die "another up.sh holds $home/lock"

if [ -f "$run/pid" ] && kill -0 "$(cat "$run/pid")" 2>/dev/null && healthy; then
  echo "LocalStack is up already: $url (log: $log)"
  exit 0
fi

# LocalStack 4.14 says that Python 3.10 will do, but its code needs 3.13.
find_python() {
  local p
  for p in ${SPILLWAY_PYTHON:-python3.13 "$HOME"/.pyenv/versions/3.13*/bin/python python3 /usr/local/bin/python3.13}; do
    if "$p" -c 'import sys, ensurepip, ssl, sqlite3; assert sys.version_info[:2] == (3, 13)' 2>/dev/null; then
      "$p" -c 'import sys; print(sys.executable)' && return
    fi
  done
  return 1
}

# --- once: LocalStack itself, the plugin, the jars
need curl curl
# The project's own Node.js, whatever the machine has: it is the one whose version the functions name.
own_node=$here/../../node_modules/.bin/node
node=${HOST_LAMBDA_NODE:-$([ -x "$own_node" ] && echo "$own_node" || echo node)}
command -v "$node" >/dev/null || die "no Node.js: '$node' (HOST_LAMBDA_NODE)"
python=$(find_python) || die "no Python 3.13 with ensurepip; name one with SPILLWAY_PYTHON"
venv=$home/venv-$(hash_of "$here/requirements.txt" <("$python" -VV))
pip() { "$venv/bin/pip" install -q --disable-pip-version-check --no-deps "$@" >"$home/pip.log" 2>&1 || die "pip failed: $(tail -5 "$home/pip.log")"; }
if [ ! -f "$venv/.done" ]; then
  echo "localstack: installing LocalStack (once, about a minute)" >&2
  rm -rf "$home"/venv-*
  "$python" -m venv "$venv"
  pip -r "$here/requirements.txt"
  touch "$venv/.done"
fi
stamp=$(hash_of "$here"/plugin/pyproject.toml "$here"/plugin/*/*.*)
if [ "$(cat "$venv/.plugin" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$home/plugin" && cp -r "$here/plugin" "$home/plugin" && chmod -R u+w "$home/plugin" # pip builds in the folder
  pip --no-build-isolation --force-reinstall "$home/plugin"
  echo "$stamp" >"$venv/.plugin"
fi
lib=$home/lib-$(hash_of "$here/pom.xml" "$here/seed.py")
if [ ! -f "$lib/.done" ]; then
  need java openjdk-17-jre-headless
  need mvn maven
  echo "localstack: getting DynamoDB Local (once)" >&2
  rm -rf "$home"/lib-* "$home/jars"
  cp "$here/pom.xml" "$home/pom.xml"
  mvn -B -q -f "$home/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/jars" -DincludeScope=runtime \
    >"$home/mvn.log" 2>&1 || die "mvn failed: $(tail -5 "$home/mvn.log")"
  java_home=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.home = //p')
  "$venv/bin/python" "$here/seed.py" "$home/jars" "$lib" "$java_home"
  rm -rf "$home/jars"
  touch "$lib/.done"
fi

# --- start
LOCALSTACK_PORT=$port "$here/down.sh" >/dev/null
! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || die "port $port is taken by another program (LOCALSTACK_PORT names another)"
rm -rf "$run"
mkdir -p "$run/tmp" "$run/fs/var/lib/localstack"
ln -s "$lib" "$run/fs/var/lib/localstack/lib"
for name in $(compgen -e | grep -E '^AWS_|^LOCALSTACK_API_KEY|^LOCALSTACK_AUTH_TOKEN'); do unset "$name"; done
set -a
# where things are
OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT=$run/fs TMPDIR=$run/tmp XDG_CACHE_HOME=$home/xdg HOST_LAMBDA_DIR=$run/lambda
# no way in but loopback, no way out at all
GATEWAY_LISTEN=127.0.0.1:$port LOCALSTACK_HOST=127.0.0.1:$port NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
DNS_ADDRESS=0 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 PERSISTENCE=0
# how it behaves: each of these can be set from outside
: "${SERVICES:=apigateway,cloudformation,cloudwatch,dynamodb,dynamodbstreams,events,iam,kms,lambda,logs,s3,scheduler,secretsmanager,sns,sqs,ssm,stepfunctions,sts}"
: "${EAGER_SERVICE_LOADING:=0}"
: "${LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC:=0.05}"
: "${LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC:=0.2}"
: "${LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC:=1}"
: "${LAMBDA_KEEPALIVE_MS:=120000}"
: "${LAMBDA_RETRY_BASE_DELAY:=1}"
: "${SQS_ENDPOINT_STRATEGY:=path}"
: "${CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES:=1}" # refusing them needs a catalogue that is only to be had over the network
: "${DYNAMODB_IN_MEMORY:=1}"
: "${LAMBDA_IGNORE_ARCHITECTURE:=1}" # the bundles are plain JavaScript
LAMBDA_RUNTIME_EXECUTOR=host HOST_LAMBDA_NODE=$node
set +a
cd "$run"
setsid "$venv/bin/python" -m localstack.runtime.main >"$log" 2>&1 </dev/null 9>&- &
echo $! >"$run/pid"

for _ in $(seq 1 300); do
  if healthy; then
    echo "LocalStack is up: $url (log: $log)"
    exit 0
  fi
  kill -0 "$(cat "$run/pid")" 2>/dev/null || break
  sleep 0.2
done
tail -30 "$log" >&2
"$here/down.sh" >/dev/null || true
die "LocalStack did not come up; its log's end is above, all of it: $log"
