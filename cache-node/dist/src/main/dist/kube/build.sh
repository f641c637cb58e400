#!/usr/bin/env bash
# build.sh TOOLS: kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl,
# csi-provisioner and coredns from their Go modules into a folder below TOOLS, whose name is the only output.
# Some five minutes on two cores the first time; what is there already is not built again.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$1
kubernetes=$(sed -n 's/^require k8s.io\/kubernetes v//p' "$here/kubernetes/go.mod")
provisioner=6.3.0
bin=$tools/kubernetes-$kubernetes
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl)

mkdir -p "$bin"
# Two tests at once must not build twice.
exec 9>"$bin/.lock"
flock 9
absent=()
for program in "${programs[@]}"; do [[ -x $bin/$program ]] || absent+=("$program"); done
for program in csi-provisioner coredns; do [[ -x $bin/$program ]] || absent+=("$program"); done
if ((${#absent[@]} == 0)); then
  echo "$bin"
  exit 0
fi
command -v go >/dev/null || {
  echo "build.sh: no go (Debian: apt-get install golang, 1.24 or newer), and $bin lacks ${absent[*]}" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/kubernetes/* "$work"
cp -r "$here/dns" "$work/dns"
echo "kubernetes: building ${absent[*]} of their Go modules; some minutes, once" >&2
export CGO_ENABLED=0 GOFLAGS=-trimpath
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=v$kubernetes -X $version.gitMajor=${kubernetes%%.*} -X $version.gitMinor=$(cut -d. -f2 <<<"$kubernetes")"
number=0
for program in "${absent[@]}"; do
  echo "kubernetes: $program ($((number += 1)) of ${#absent[@]})…" >&2
  if [[ $program == csi-provisioner ]]; then
    # Its module holds everything that its release was built of.
    directory=$(go mod download -json "github.com/kubernetes-csi/external-provisioner/v${provisioner%%.*}@v$provisioner" |
      sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    (cd "$directory" && go build -mod=readonly -ldflags "-s -w -X main.version=v$provisioner" \
      -o "$work/$program" ./cmd/csi-provisioner) >&2
  elif [[ $program == coredns ]]; then
    (cd "$work/dns" && go mod tidy && go build -ldflags "-s -w" -o "$work/$program" .) >&2
  else
    [[ -e $work/go.sum ]] || (cd "$work" && go mod tidy) >&2
    (cd "$work" && go build -ldflags "$flags" -o "$work/$program" "k8s.io/kubernetes/cmd/$program") >&2
  fi
  mv "$work/$program" "$bin/$program"
done
echo "$bin"
