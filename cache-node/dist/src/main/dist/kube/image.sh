#!/usr/bin/env bash
# image.sh KIND WORK HOME BIN DEPLOY: makes WORK/KIND.tar, an OCI image for "ctr images import", from files of
# this machine, as no registry can be asked. KIND is
#   busybox      docker.io/library/busybox:1.37 and docker.io/local/pause:1
#   larder       docker.io/library/larder:0.1.0: the distribution HOME, its Java, what its scripts run, and
#                those of DEPLOY, as its Containerfile does it
#   provisioner  registry.k8s.io/sig-storage/csi-provisioner:v6.3.0 of BIN
set -euo pipefail

kind=$1 work=$2 home=$3 bin=$4 deploy=$5
root=$work/image-$kind
blobs=$root.oci/blobs/sha256
trap 'rm -rf "$root" "$root.oci"' EXIT
rm -rf "$root" "$root.oci"
mkdir -p "$root" "$blobs"

# Puts a file among the blobs; prints "digest":…,"size":…
blob() {
  local digest size
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$blobs/$digest"
  printf '"digest":"sha256:%s","size":%s' "$digest" "$size"
}

# image NAME CONFIG: one more name in the index, of what is in $root.
manifests=()
image() {
  local layer config manifest oci=application/vnd.oci.image
  tar --sort=name --numeric-owner --owner=0 --group=0 -C "$root" -cf "$root.oci/layer" .
  local diff
  diff=$(sha256sum "$root.oci/layer" | cut -d' ' -f1)
  layer=$(blob "$root.oci/layer")
  printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture 2>/dev/null || echo amd64)" "$2" "$diff" >"$root.oci/config"
  config=$(blob "$root.oci/config")
  printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json",%s},"layers":[{"mediaType":"%s.layer.v1.tar",%s}]}' \
    "$oci" "$oci" "$config" "$oci" "$layer" >"$root.oci/manifest"
  manifest=$(blob "$root.oci/manifest")
  manifests+=("{\"mediaType\":\"$oci.manifest.v1+json\",$manifest,\"annotations\":{\"io.containerd.image.name\":\"$1\"}}")
}

finish() {
  printf '{"imageLayoutVersion":"1.0.0"}' >"$root.oci/oci-layout"
  local IFS=,
  printf '{"schemaVersion":2,"manifests":[%s]}' "${manifests[*]}" >"$root.oci/index.json"
  tar -C "$root.oci" -cf "$work/$kind.tar" oci-layout index.json blobs
}

base() {
  mkdir -p "$root"/{etc,tmp,proc,sys,dev,run,var/lib}
  chmod 1777 "$root/tmp"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\n' >"$root/etc/group"
}

# Copies programs and what they are linked with, under the names they have here.
programs() {
  local name path library
  for name in "$@"; do
    path=$(readlink -f "$(command -v "$name")")
    mkdir -p "$root/usr/bin"
    cp "$path" "$root/usr/bin/$name"
    libraries "$path"
  done
}

libraries() {
  local library
  while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    [[ -e $root$library ]] || cp -L "$library" "$root$library"
  done < <(for file in "$@"; do ldd "$file" 2>/dev/null; done | grep -o '/[^ ]*' | sort -u)
}

# larder prepare in the image, with what a recipe's RUN may do: all but mount.
prepare() {
  # shellcheck disable=SC2016
  unshare --mount --propagation private bash -euc '
    # As in a container, whose root is a mount.
    mount --bind "$1" "$1"
    mount --bind /proc "$1/proc"
    mount --rbind /dev "$1/dev"
    exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin chroot "$1" \
      env -i PATH=/opt/larder/bin:/usr/bin JAVA_HOME=/opt/java/openjdk LC_ALL=C.UTF-8 larder prepare
  ' prepare "$root" >&2
}

case $kind in
  busybox)
    base
    mkdir -p "$root/bin"
    cp "$(command -v busybox)" "$root/bin/busybox"
    file "$root/bin/busybox" 2>/dev/null | grep -q 'dynamically' && libraries "$root/bin/busybox"
    for applet in sh cat ls sleep sha256sum find echo date dd tail head httpd wget grep stat sort xargs wc touch true usleep rm; do
      ln -s busybox "$root/bin/$applet"
    done
    image docker.io/library/busybox:1.37 '{"Env":["PATH=/bin"],"Cmd":["sh"]}'
    image docker.io/local/pause:1 '{"Env":["PATH=/bin"],"Cmd":["sleep","2147483647"]}'
    ;;
  larder)
    base
    java=$(readlink -f "$JAVA_HOME")
    # The same folders as in a distribution whose /bin, /lib and /sbin are links.
    mkdir -p "$root"/usr/{bin,lib,lib64,sbin} "$root/opt"
    for link in bin lib lib64 sbin; do ln -s "usr/$link" "$root/$link"; done
    programs bash sh env cat ls mkdir chmod rm mv sleep readlink dirname grep sed awk sort head tail \
      mktemp mountpoint umount mount stat date sha256sum
    mkdir -p "$root/opt/java"
    cp -a "$java" "$root/opt/java/openjdk"
    rm -rf "$root"/opt/java/openjdk/{jmods,lib/src.zip,man,demo}
    # Links out of it lead nowhere in an image.
    find "$root/opt/java/openjdk" -type l ! -exec test -e {} \; -delete
    libraries "$java/bin/java" "$java"/lib/*.so "$java/lib/server/libjvm.so" "$home"/lib/native/*.so
    # Those of Java itself are where it is.
    rm -rf "${root:?}$java"
    for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2 libgcc_s.so.1 libstdc++.so.6; do
      path=$(ldconfig -p | sed -n "s|.*$library .*x86-64.*=> ||p;s|.*$library .*AArch64.*=> ||p" | head -n 1)
      [[ -z $path || -e $root$path ]] || cp -L "$path" "$root$path"
    done
    for locale in /usr/lib/locale/C.*; do
      [[ -d $locale ]] && mkdir -p "$root/usr/lib/locale" && cp -a "$locale" "$root/usr/lib/locale/"
    done
    printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
    cp -a "$home" "$root/opt/larder"
    rm -rf "$root/opt/larder/cache"
    mkdir -p "$root/opt/larder/container" "$root"/etc/larder/{config,tls,origins}
    cp "$deploy"/image/{supervise,probe,keeper-end} "$root/opt/larder/container/"
    prepare
    image docker.io/library/larder:0.1.0 \
      '{"Env":["PATH=/opt/larder/bin:/opt/java/openjdk/bin:/usr/sbin:/usr/bin:/sbin:/bin","JAVA_HOME=/opt/java/openjdk","LC_ALL=C.UTF-8"],"Entrypoint":["/opt/larder/bin/larder"]}'
    ;;
  provisioner)
    cp "$bin/csi-provisioner" "$root/csi-provisioner"
    image registry.k8s.io/sig-storage/csi-provisioner:v6.3.0 '{"Entrypoint":["/csi-provisioner"]}'
    ;;
  *)
    echo "image.sh: no kind $kind" >&2
    exit 2
    ;;
esac
finish
