# Shared by the image recipes: container images out of Debian's packages, without a registry. No root,
# no chroot, and no maintainer script is run: packages are fetched by apt with the machine's own sources
# and lists, unpacked, and what an image needs is taken from there.
#
# A recipe sets `image`, `packages` and `binaries`, defines `fill`, and calls `image_make`.
# shellcheck shell=bash disable=SC2154 # what the recipe sets

set -euo pipefail
umask 022
export LC_ALL=C

# Every file of every image is that old, so that the same inputs give the same bytes.
: "${SOURCE_DATE_EPOCH:=946684800}"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recipe=$(realpath "$0")
readonly here recipe

image_die() {
	printf '%s: %s\n' "${image:-image}" "$*" >&2
	exit 1
}

(($# == 2)) || image_die "usage: $0 BINARIES-DIRECTORY OUTPUT-DIRECTORY"
bin=$(realpath "$1")
out=$(realpath -m "$2")
readonly bin out
readonly apt=$out/apt

# --- Packages -------------------------------------------------------------------------------------

# The machine's lists, or ours when we had to fetch newer ones.
apt_lists() {
	local ours=$apt/lists theirs=/var/lib/apt/lists
	[[ $ours -nt $theirs ]] && printf '%s' "$ours" || printf '%s' "$theirs"
}

# apt as it would be on a machine with nothing installed, using only Debian itself.
apt_configure() {
	mkdir -p "$apt"/{archives,nothing,lists}/partial
	[[ -e $apt/status ]] || touch -d @0 "$apt/status" "$apt/lists"
	cat >"$apt/preferences" <<-'END'
		Package: *
		Pin: release n=*-backports
		Pin-Priority: -1

		Package: *
		Pin: release o=Debian, c=main
		Pin-Priority: 500

		Package: *
		Pin: release o=*
		Pin-Priority: -1
	END
	cat >"$apt/apt.conf" <<-END
		Dir::State::status "$apt/status";
		Dir::State::extended_states "$apt/extended_states";
		Dir::State::lists "$(apt_lists)";
		Dir::Cache "$apt";
		Dir::Cache::archives "archives";
		Dir::Cache::pkgcache "pkgcache.bin";
		Dir::Cache::srcpkgcache "srcpkgcache.bin";
		Dir::Etc::preferences "$apt/preferences";
		Dir::Etc::preferencesparts "$apt/nothing";
		APT::Install-Recommends "false";
		APT::Sandbox::User "$(id -un)";
		APT::Keep-Downloaded-Packages "true";
		Acquire::ForceHash "SHA256";
		Acquire::Retries "3";
		Debug::NoLocking "true";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
}

apt_get() {
	apt-get -qq -y -c "$apt/apt.conf" "$@"
}

# One line for each package that apt would install now: file name, size, hash.
apt_resolve() {
	apt_get --print-uris -o Dir::Cache::archives="$apt/nothing" install "${packages[@]}" |
		awk '{ print $2, $3, $4 }' | sort
}

apt_update() {
	printf '%s: fetching package lists\n' "$image" >&2
	touch "$apt/lists"
	apt_configure
	apt_get -o Dir::State::lists="$apt/lists" update >&2 && touch "$apt/lists"
}

# Sets `resolved`, with fresh lists if the machine has none that know the packages.
apt_plan() {
	apt_configure
	resolved=$(apt_resolve 2>/dev/null) && [[ -n $resolved ]] && return
	apt_update || image_die 'cannot fetch package lists'
	resolved=$(apt_resolve)
	[[ -n $resolved ]] || image_die "cannot find: ${packages[*]}"
}

# Downloads what is resolved. Lists that are too old name packages which are gone: then once more.
apt_download() {
	apt_get --download-only install "${packages[@]}" >&2 && return
	apt_update || image_die 'cannot fetch package lists'
	resolved=$(apt_resolve)
	apt_get --download-only install "${packages[@]}" >&2 || image_die 'cannot fetch packages'
}

# The directories every image has, /bin and its like merged into /usr.
make_skeleton() {
	mkdir -p "$1"/{dev,proc,sys,run,tmp,etc,var/tmp,root,home,usr/{bin,sbin,lib,lib64}}
	local dir
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "$1/$dir"
	done
}

unpack_package() {
	dpkg-deb --fsys-tarfile "$1" |
		tar -x -C "$2" --no-same-owner --keep-directory-symlink --delay-directory-restore
}

# Unpacks the resolved packages, except those whose names match `left_out`, into a merged /usr.
unpack() {
	make_skeleton "$1"
	local root=$1
	export -f unpack_package
	# shellcheck disable=SC2016 # for the inner shell
	kept_packages | sed "s|^|$apt/archives/|" | tr '\n' '\0' |
		xargs -0 -P "$(nproc)" -I DEB bash -euo pipefail -c 'unpack_package DEB "$0"' "$root"
}

# The file names of the resolved packages that are not left out.
kept_packages() {
	awk '{ print $1 }' <<<"$resolved" | grep -Ev "^(${left_out:-nothing})_"
}

# --- Pieces of images -----------------------------------------------------------------------------

# For whoever looks for packages with known holes, and for the licences.
write_package_database() {
	local root=$1 tree=$2 package
	mkdir -p "$tree/var/lib/dpkg" "$tree/usr/share/doc"
	kept_packages | while read -r package; do
		printf 'Status: install ok installed\n'
		dpkg-deb -f "$apt/archives/$package"
		printf '\n'
	done >"$tree/var/lib/dpkg/status"
	(cd "$root/usr/share/doc" && find . -name copyright -type f -print0 | tar -c --null -T -) |
		tar -x -C "$tree/usr/share/doc" --no-same-owner
}

write_ca_certificates() {
	local root=$1 tree=$2
	mkdir -p "$tree/etc/ssl/certs" "$tree/usr/lib/ssl"
	find "$root/usr/share/ca-certificates" -name '*.crt' -print0 | sort -z | xargs -0 cat \
		>"$tree/etc/ssl/certs/ca-certificates.crt"
	ln -sf /etc/ssl/certs/ca-certificates.crt "$tree/usr/lib/ssl/cert.pem"
}

# Installs one of our programs, without the paths of this build that its debugging data have.
install_ours() {
	install -D -m 755 "$bin/$1" "$2"
	strip "$2"
}

# Copies programs, by their paths in root or as OURS=PATH, with the libraries they need.
copy_closure() {
	local root=$1 tree=$2 loader libraries program file
	shift 2
	loader=$(echo "$root"/usr/lib*/ld-linux*.so.*)
	libraries=$(echo "$root"/usr/lib/*-linux-gnu)
	for program in "$@"; do
		file=$tree${program#*=}
		if [[ $program == *=* ]]; then
			install_ours "${program%%=*}" "$file"
		else
			install -D -m 755 "$root$program" "$file"
		fi
		"$loader" --library-path "$libraries" --list "$file" | closure_files "$root" "$program"
	done | sort -u | while read -r file; do
		install -D -m 644 "$file" "$tree${file#"$root"}"
	done
	install -D -m 755 "$loader" "$tree${loader#"$root"}"
}

# The libraries that the loader names, as files in root.
closure_files() {
	local root=$1 program=$2 line path
	while read -r line; do
		[[ $line != *'not found'* ]] || image_die "$program needs ${line%% *}"
		path=${line#*=> }
		path=${path%% (*}
		[[ $path != "$root"/* || $path == */ld-linux* ]] || printf '%s\n' "$path"
	done
}

# --- Making an image ------------------------------------------------------------------------------

# What the recipe itself depends on: its text, ours, our binaries.
recipe_hash() {
	sha256sum <"$here/image-lib.sh"
	sha256sum <"$recipe"
	printf '%s\n' "$SOURCE_DATE_EPOCH"
	local binary
	for binary in "${binaries[@]}"; do
		sha256sum <"$bin/$binary"
	done
}

hash_of() {
	sha256sum | cut -d ' ' -f 1
}

# Cheap: the same as long as apt's lists are the same files.
quick_hash() {
	recipe_hash
	((${#packages[@]} == 0)) || stat -c '%n %s %Y' "$(apt_lists)"/*_Packages* 2>/dev/null || true
}

write_tar() {
	chmod -R a-s,u=rwX,go=rX "$1"
	[[ ! -d $1/tmp ]] || chmod 1777 "$1/tmp" "$1/var/tmp"
	tar -c -C "$1" --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
		--numeric-owner . >"$2"
}

build() {
	local work
	work=$(mktemp -d "$out/.$image.XXXXXX")
	# shellcheck disable=SC2064 # the directory as it is now
	trap "rm -rf '$work'" EXIT
	mkdir "$work/root" "$work/tree"
	((${#packages[@]} == 0)) || unpack "$work/root"
	fill "$work/root" "$work/tree"
	write_tar "$work/tree" "$work/image.tar"
	mv "$work/image.tar" "$out/$image.tar"
}

# apt's files are shared by the images, so one plans and fetches at a time.
plan_and_fetch() {
	local lock
	exec {lock}>"$out/.apt.lock"
	flock "$lock"
	apt_plan
	[[ $1 == "$(full_hash)" ]] || apt_download
	exec {lock}>&-
}

full_hash() {
	{ recipe_hash; printf '%s\n' "${resolved:-}"; } | hash_of
}

# Makes $out/$image.tar if any of its inputs changed. The stamp holds the cheap and the full hash.
image_make() {
	local stamp=$out/$image.stamp quick full='' had_quick='' had_full='' began=$EPOCHREALTIME
	mkdir -p "$out"
	quick=$(quick_hash | hash_of)
	[[ ! -e $stamp || ! -e $out/$image.tar ]] || read -r had_quick had_full <"$stamp"
	[[ $quick != "$had_quick" ]] || return 0
	((${#packages[@]} == 0)) || plan_and_fetch "$had_full"
	full=$(full_hash)
	[[ $full == "$had_full" ]] || build
	printf '%s %s\n' "$(quick_hash | hash_of)" "$full" >"$stamp"
	printf '%s: %d MB in %d ms\n' "$image" "$(($(stat -c %s "$out/$image.tar") / 1000000))" \
		$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
}
