#!/bin/bash
# What the tests' agent has beside the default one, as a layer on it: pip, npm, and the CA of the bed's
# small internet. Not for users.

image=agent-test
packages=(ca-certificates npm python3-pip)
# What the layer lies on, and the CA, are inputs as our programs are.
binaries=(../internet/ca.crt "$(realpath -m --relative-to "$1" "$2")/agent.stamp")

# Headers, documentation tools, and what only maintainer scripts want.
left_out='lib[^_]*-dev|perl[^_]*|libperl[0-9.]+|libgdbm[^_]*|dpkg|debconf|python3-pkg-resources|gyp|libjs-[^_]*'

# shellcheck source=containers/image-lib.sh
source "$(dirname "$0")/../../containers/image-lib.sh"

readonly dropped=(
	usr/share/{doc,man,info,locale,lintian,doc-base,bash-completion,zsh,pixmaps,applications,bug,perl5}
	usr/share/ca-certificates usr/include usr/lib/systemd etc/{cron.d,cron.daily,init.d,systemd}
	bin sbin lib lib64 dev proc sys run tmp var root home
	# What is in Debian's dependencies of npm for building it and its parts.
	usr/share/nodejs/{@types,@babel,@webassemblyjs,caniuse-lite,core-js*,es-abstract,eslint*,handlebars}
	usr/share/nodejs/{lodash-es,terser*,web-streams-polyfill,webpack,yarnpkg,babel-*,jest*,regenerate*}
)

# Files that the agent's image has, relative to its root.
agent_files() {
	tar -t -f "$out/agent.tar" | grep -v '/$'
}

fill() {
	local root=$1 tree=$2
	write_ca_certificates "$root" "$root"
	# shellcheck disable=SC2068 # patterns
	(cd "$root" && rm -rf ${dropped[@]})
	cp -a --link "$root/." "$tree/"
	agent_files | (cd "$tree" && xargs -d '\n' rm -f)
	install -D -m 644 "$root/etc/ssl/certs/ca-certificates.crt" "$tree/etc/ssl/certs/ca-certificates.crt"
	cat "$bin/../internet/ca.crt" >>"$tree/etc/ssl/certs/ca-certificates.crt"
	find "$tree" -depth -type d -empty -delete
}

image_make
