#!/usr/bin/env bash
# A Kubernetes of one node in a network name space of its own: etcd, kube-apiserver, scheduler,
# controller-manager, DNS, containerd and kubelet, as root, with everything below WORK.
#
#   node.sh up WORK BIN IMAGE.tar…    until the node is Ready
#   node.sh kubelet-stop WORK         ends kubelet; pods go on
#   node.sh kubelet-start WORK BIN
#   node.sh down WORK                 ends all of it, by the ids written down, and takes WORK away
#   node.sh missing                   names the programs this machine lacks, one a line
#
# Debian: etcd-server containerd runc containernetworking-plugins busybox-static iproute2 openssl
set -euo pipefail

command=$1
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
readonly address=10.77.0.1 cni=/usr/lib/cni

missing() {
  local each
  for each in etcd:etcd-server containerd:containerd ctr:containerd runc:runc ip:iproute2 \
    busybox:busybox-static openssl:openssl nsenter:util-linux ps:procps; do
    command -v "${each%%:*}" >/dev/null || echo "${each%%:*} (Debian: ${each##*:})"
  done
  [[ -x $cni/bridge ]] || echo "$cni/bridge (Debian: containernetworking-plugins)"
  [[ -e /dev/loop-control ]] || echo "/dev/loop-control"
  ((EUID == 0)) || echo "root"
}

if [[ $command == missing ]]; then
  missing
  exit 0
fi

work=$2
name=$(basename "$work")
inside=(nsenter "--net=/run/netns/$name")
ctr=(ctr -a "$work/run/containerd.sock" -n k8s.io)
cgroup=larder-$name

# start NAME COMMAND…: in the node's network, output to a file, its id written down.
start() {
  local what=$1
  shift
  (cd "$work" && exec setsid "${inside[@]}" "$@") >>"$work/log/$what.log" 2>&1 </dev/null &
  echo $! >"$work/run/$what.pid"
}

# ends NAME SIGNAL: waits until the process is gone.
ends() {
  local pid i
  [[ -f $work/run/$1.pid ]] || return 0
  pid=$(<"$work/run/$1.pid")
  kill "-$2" "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$work/run/$1.pid"
}

# await SECONDS NAME COMMAND…: until the command succeeds, for as long as the process NAME runs.
await() {
  local i seconds=$1 name=$2 how
  shift 2
  how="does not come within $seconds s"
  for ((i = 0; i < seconds * 5; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    kill -0 "$(<"$work/run/$name.pid")" 2>/dev/null || {
      how="ended"
      break
    }
    sleep 0.2
  done
  # The log goes with all the rest.
  tail -n 20 "$work/log/$name.log" >&2
  echo "node.sh: $name $how; above are its last words" >&2
  return 1
}

certificate() {
  local key=$work/pki/$1
  openssl genrsa -out "$key.key" 2048 2>/dev/null
  openssl req -new -key "$key.key" -subj "$2" -out "$key.csr" 2>/dev/null
  printf 'subjectAltName=IP:127.0.0.1,IP:%s,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc\n' \
    "$address" >"$key.ext"
  openssl x509 -req -in "$key.csr" -CA "$work/pki/ca.crt" -CAkey "$work/pki/ca.key" -CAcreateserial \
    -days 30 -extfile "$key.ext" -out "$key.crt" 2>/dev/null
}

kubeconfig() {
  cat >"$work/$1.conf" <<EOF
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://$address:16443", certificate-authority: $work/pki/ca.crt}}]
users: [{name: u, user: {client-certificate: $work/pki/$1.crt, client-key: $work/pki/$1.key}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
EOF
}

kubelet_start() {
  start kubelet "$1/kubelet" --config="$work/kubelet.yaml" --kubeconfig="$work/node.conf" \
    --hostname-override=n1 --root-dir="$work/kubelet" --node-ip=$address
}

up() {
  local bin=$1 image lacks hierarchy
  shift
  lacks=$(missing)
  if [[ -n $lacks ]]; then
    echo "node.sh: this machine lacks: ${lacks//$'\n'/, }" >&2
    return 1
  fi
  local kubectl=("${inside[@]}" "$bin/kubectl" --kubeconfig "$work/admin.conf")
  mkdir -p "$work"/{pki,log,run,cni/conf,kubelet/plugins_registry,kubelet/pods}
  # Mounts below it have to be seen in and out of containers, and / may be private.
  mount --bind "$work" "$work"
  mount --make-rshared "$work"
  # kubelet refuses a loopback address.
  ip netns add "$name"
  ip -n "$name" link set lo up
  ip -n "$name" link add d0 type bridge
  ip -n "$name" addr add $address/24 dev d0
  ip -n "$name" link set d0 up
  ip -n "$name" route add default dev d0

  openssl genrsa -out "$work/pki/ca.key" 2048 2>/dev/null
  openssl req -x509 -new -key "$work/pki/ca.key" -subj /CN=kube-ca -days 30 -out "$work/pki/ca.crt" 2>/dev/null
  certificate apiserver /CN=kube-apiserver
  certificate admin /O=system:masters/CN=admin
  certificate node /O=system:nodes/CN=system:node:n1
  openssl genrsa -out "$work/pki/sa.key" 2048 2>/dev/null
  kubeconfig admin
  kubeconfig node

  start etcd etcd --data-dir "$work/etcd" --listen-client-urls http://127.0.0.1:12379 \
    --advertise-client-urls http://127.0.0.1:12379 --listen-peer-urls http://127.0.0.1:12380 \
    --initial-advertise-peer-urls http://127.0.0.1:12380 --initial-cluster default=http://127.0.0.1:12380
  start apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:12379 --secure-port=16443 \
    --bind-address=0.0.0.0 --advertise-address=$address --cert-dir="$work/pki" \
    --tls-cert-file="$work/pki/apiserver.crt" --tls-private-key-file="$work/pki/apiserver.key" \
    --client-ca-file="$work/pki/ca.crt" --service-cluster-ip-range=10.96.0.0/24 \
    --service-account-key-file="$work/pki/sa.key" --service-account-signing-key-file="$work/pki/sa.key" \
    --service-account-issuer=https://kubernetes.default.svc --authorization-mode=Node,RBAC \
    --allow-privileged=true --kubelet-client-certificate="$work/pki/admin.crt" \
    --kubelet-client-key="$work/pki/admin.key" --kubelet-preferred-address-types=InternalIP
  await 60 apiserver "${kubectl[@]}" get --raw /readyz
  start scheduler "$bin/kube-scheduler" --kubeconfig="$work/admin.conf" --leader-elect=false --secure-port=0
  start controller "$bin/kube-controller-manager" --kubeconfig="$work/admin.conf" --leader-elect=false \
    --secure-port=0 --service-account-private-key-file="$work/pki/sa.key" \
    --root-ca-file="$work/pki/ca.crt" --use-service-account-credentials=false

  # Services with addresses of their own would need kube-proxy; those without need names alone.
  cat >"$work/Corefile" <<EOF
.:53 {
  errors
  kubernetes cluster.local {
    kubeconfig $work/admin.conf x
    ttl 5
  }
}
EOF
  start dns "$bin/coredns" -conf "$work/Corefile"

  # Without CAP_SYS_RESOURCE a lower oom_score_adj ends "runc create".
  cat >"$work/containerd.toml" <<EOF
version = 2
root = "$work/ctd"
state = "$work/ctds"
[grpc]
  address = "$work/run/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$work/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/local/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni"
    conf_dir = "$work/cni/conf"
EOF
  cat >"$work/cni/conf/10-bridge.conflist" <<EOF
{"cniVersion":"1.0.0","name":"$name","plugins":[{"type":"bridge","bridge":"cni0","isDefaultGateway":true,"ipam":{"type":"host-local","dataDir":"$work/cni/data","ranges":[[{"subnet":"10.78.0.0/24"}]]}}]}
EOF
  start containerd containerd -c "$work/containerd.toml"
  await 30 containerd "${ctr[@]}" version
  for image in "$@"; do "${ctr[@]}" images import "$image" >&2; done

  # A root of its own for pods, so that nothing is left in that of the machine.
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*/; do
    [[ -e $hierarchy/cgroup.procs ]] && mkdir -p "$hierarchy/$cgroup"
  done
  if [[ -e /sys/fs/cgroup/cpuset/$cgroup/cpuset.cpus ]]; then
    cat /sys/fs/cgroup/cpuset/cpuset.cpus >"/sys/fs/cgroup/cpuset/$cgroup/cpuset.cpus"
    cat /sys/fs/cgroup/cpuset/cpuset.mems >"/sys/fs/cgroup/cpuset/$cgroup/cpuset.mems"
  fi
  cat >"$work/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: $work/pki/ca.crt}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
failSwapOn: false
containerRuntimeEndpoint: unix://$work/run/containerd.sock
address: $address
port: 21250
healthzPort: 21248
evictionHard: {nodefs.available: "1%", imagefs.available: "1%"}
imageGCHighThresholdPercent: 100
resolvConf: ""
clusterDNS: [$address]
clusterDomain: cluster.local
registerNode: true
EOF
  kubelet_start "$bin"
  await 60 kubelet "${kubectl[@]}" get node n1
  "${kubectl[@]}" wait --for=condition=Ready node/n1 --timeout=90s >&2
}

down() {
  [[ -d $work ]] || return 0
  # Not there where it ended before anything was started.
  mkdir -p "$work/run"
  ends kubelet TERM
  local id process mount netns
  # Before what knows their names is gone.
  for id in $("${ctr[@]}" container ls -q 2>/dev/null); do
    "${ctr[@]}" container info "$id" 2>/dev/null | grep -o 'netns/cni-[0-9a-f-]*' || true
  done | sed 's|.*/||' | sort -u >"$work/run/netns"
  for id in $("${ctr[@]}" task ls -q 2>/dev/null); do
    "${ctr[@]}" task kill -s KILL "$id" >/dev/null 2>&1 || true
  done
  for id in $("${ctr[@]}" container ls -q 2>/dev/null); do
    timeout 10 "${ctr[@]}" task rm -f "$id" >/dev/null 2>&1 || true
    "${ctr[@]}" container rm "$id" >/dev/null 2>&1 || true
  done
  for process in containerd dns controller scheduler apiserver etcd; do ends $process TERM; done
  # Shims are nobody's children, and a Ctrl-C may have come before an id was written down.
  while read -r process; do kill -KILL "$process" 2>/dev/null || true; done < <(
    ps -eo pid,args | awk -v w="$work/" 'index($0, w) && !/ awk / { print $1 }'
  )
  # FUSE connections that nobody serves would let every later step wait.
  awk -v w="$work/" '$9 ~ /^fuse/ && index($5, w) == 1 { split($3, d, ":"); print d[2] }' /proc/self/mountinfo |
    while read -r id; do
      [[ -e /sys/fs/fuse/connections/$id/abort ]] && echo 1 >"/sys/fs/fuse/connections/$id/abort"
    done || true
  awk -v w="$work" '$5 == w || index($5, w "/") == 1 { print $5 }' /proc/self/mountinfo | sort -r |
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  while read -r netns; do ip netns del "$netns" 2>/dev/null || true; done <"$work/run/netns"
  ip netns del "$name" 2>/dev/null || true
  find /sys/fs/cgroup -maxdepth 2 -type d -name "$cgroup" -print | while read -r id; do
    find "$id" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
  rm -rf --one-file-system "$work"
}

case $command in
  up) up "${@:3}" ;;
  kubelet-stop) ends kubelet TERM ;;
  kubelet-start) kubelet_start "$3" ;;
  down) down ;;
  *)
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
