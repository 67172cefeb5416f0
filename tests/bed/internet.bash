# The small internet of the bed: names, the addresses they have, what answers there, and the corporate
# proxy on the way. Everything but the host's own resolver lives in the network namespace "outside".
#
# Real programs: BIND, nginx, git http-backend behind fcgiwrap, tinyproxy; dnsmasq in the place of
# systemd-resolved. What their files have that costs time is made at build time, by make-internet.
# shellcheck shell=bash disable=SC2034,SC2154 # shared with who sources this

# --- names and addresses ------------------------------------------------------------------------

# Who answers HTTP and HTTPS: name, which is also its certificate's, and the addresses that are its
# own. At each address its certificate is shown also to who asks for another name or for none, and
# any Host gets an answer that names it: fronting works, if a sandbox lets it through.
readonly origins=(
	'granted.example           203.0.113.10 2001:db8::10'
	'www.granted.example       203.0.113.11 2001:db8::11'
	'blocked.granted.example   203.0.113.12 2001:db8::12'
	'deep.sub.granted.example  203.0.113.13 2001:db8::13'
	'dual.example              203.0.113.14 2001:db8::14'
	'v6only.example            2001:db8::15'
	'xn--bcher-kva.example     203.0.113.16'
	'other.example             203.0.113.20 2001:db8::20'
	'pypi.example              203.0.113.31'
	'npm.example               203.0.113.32'
	'git.example               203.0.113.33 2001:db8::33'
	'github.com                203.0.113.36 2001:db8::36'
	'blob.example              203.0.113.34'
	'big.example               203.0.113.35 2001:db8::35'
	'evil.example              203.0.113.66 2001:db8::66'
	# Alive, and not for any sandbox to reach unless it was granted.
	'private.example           10.77.0.2'
	'private-172.example       172.16.77.1'
	'private-192.example       192.168.77.1'
	'cgnat.example             100.64.77.1'
	'metadata.example          169.254.169.254'
	'linklocal.example         169.254.77.1'
	'ula.example               fd77::2'
)

# Names that an address is given to which is another's, or nobody's.
readonly aliases=(
	'host.example          10.77.0.1 fd77::1'
	'loop.example          127.0.0.1 ::1'
	'zero.example          0.0.0.0 ::'
	'mapped.example        ::ffff:10.77.0.2'
	'nat64.example         64:ff9b::10.77.0.2'
	'6to4.example          2002:a4d:2::1'
	'multicast.example     224.0.0.251 ff02::fb'
	'squid.example         198.18.0.1'
	'mixed.example         203.0.113.20 10.77.0.2'
	'private.granted.example 10.77.0.2'
	'proxy.corp.example    10.77.0.8'
	'*.evil.example        203.0.113.66 2001:db8::66'
	'ns.example            10.77.0.2 fd77::2'
	'answers.example       203.0.113.80'
)

# Address, then port, of origins beside 80 and 443, with and without TLS.
readonly origin_ports=('80' '443 ssl' '8080' '8443 ssl')

# What one of the DNS servers is asked is not the other's business. The last one is how those ask who
# live outside themselves: /etc/resolv.conf is the host's there, too.
readonly dns_addresses=(10.77.0.2 203.0.113.53 127.0.0.53)
readonly dns_addresses6=(fd77::2 2001:db8::53)

readonly corp_address=10.77.0.8
readonly corp_port=3128 corp_auth_port=3129
readonly corp_credentials='worker sesame'

# --- what exists on the way up ------------------------------------------------------------------

readonly internet=$dir/internet       # configuration and records, on both sides
readonly site=$inner/build/internet   # what make-internet made, as the bed's host sees it
readonly bed_ca=$internet/ca.crt

# What each service records, in files that `log` shows and `reset` empties.
declare -rA records=(
	[dns]=$internet/bind/queries
	[origins]="$internet/requests.jsonl $internet/connections.log"
	[corp]=$dir/corp.log
	[corp-auth]=$dir/corp-auth.log
	[answers]=$dir/answers.jsonl
)

readonly internet_services=(dns origins git corp corp-auth resolver)

# Every address of the small internet, apart from those of the link to the host.
internet_addresses() {
	printf 'origin %s\n' "${origins[@]#* }" "${dns_addresses[*]}" "${dns_addresses6[*]}" "$corp_address" |
		awk '{ for (i = 2; i <= NF; i++) if ($i !~ /^(10\.77\.0\.2|fd77::2)$/) print $i }' | sort -u
}

# --- configuration ------------------------------------------------------------------------------

zone_records() {
	printf '%s\n' "${origins[@]}" "${aliases[@]}" |
		awk '{ for (i = 2; i <= NF; i++) print $1 ".", ($i ~ /:/ ? "AAAA" : "A"), $i }'
}

# The root itself: every name that is not here does not exist, and that is said with authority.
# TTL 0: whatever a test changes (bed dns set) holds at once.
zone() {
	cat <<-END
	\$TTL 0
	. SOA ns.example. nobody.example. 1 3600 3600 3600 0
	. NS ns.example.
	alias.granted.example. CNAME other.example.
	$(zone_records)
	END
}

# Where an AppArmor profile of named, if the machine has one, lets it read and write.
named_config() {
	local listen=${dns_addresses[*]/%/;} listen6=${dns_addresses6[*]/%/;}
	cat <<-END
	options {
		directory "/var/lib/bind";
		listen-on { $listen };
		listen-on-v6 { $listen6 };
		interface-interval 0;
		recursion no;
		dnssec-validation no;
		notify no;
		minimal-responses yes;
		pid-file none;
		session-keyfile none;
		querylog yes;
	};
	controls { };
	zone "." { type primary; file "zone"; allow-update { localhost; }; };
	logging {
		channel queries { file "queries"; print-time iso8601; };
		channel errors { stderr; severity warning; };
		category queries { queries; };
		category default { errors; };
	};
	END
}

# server NAME ADDRESS...: one origin.
nginx_server() {
	local origin=$1 address port
	printf 'server {\n\tserver_name %s;\n' "$origin"
	for address in "${@:2}"; do
		[[ $address != *:* ]] || address="[$address]"
		for port in "${origin_ports[@]}"; do
			# The answering service was there before, on plain HTTP.
			[[ " ${outside_answers[*]} " != *" tcp:$address:$port "* ]] || continue
			[[ $port != *ssl ]] || port+=' http2'
			printf '\tlisten %s:%s;\n' "$address" "$port"
		done
	done
	printf '\tssl_certificate %s/tls/%s.crt;\n\tssl_certificate_key %s/tls/%s.key;\n' \
		"$site" "$origin" "$site" "$origin"
	printf '\troot %s/www/%s;\n\tinclude %s/location.conf;\n}\n' "$site" "$origin" "$internet"
}

nginx_servers() {
	local entry
	for entry in "${origins[@]}"; do
		# shellcheck disable=SC2086 # a name and its addresses
		nginx_server $entry
	done
}

# What every origin has: a line that says who was asked, one GiB at full speed and slowly for hours, a
# way to somewhere else, files and git repositories if it has any.
nginx_location() {
	cat <<-END
	location / { try_files \$uri \$uri/index.html \$uri/index.json @origin; }
	location @origin {
		return 200 "origin \$host address \$server_addr port \$server_port sni \$ssl_server_name\n";
	}
	location = /1GiB { alias $internet/1GiB; }
	location = /slow { alias $internet/1GiB; limit_rate 64k; }
	location = /redirect { return 302 \$arg_to; }
	location ~ \.git/ {
		fastcgi_pass unix:$internet/git.sock;
		fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
		fastcgi_param GIT_PROJECT_ROOT \$document_root;
		fastcgi_param GIT_HTTP_EXPORT_ALL 1;
		fastcgi_param GIT_CONFIG_COUNT 1;
		fastcgi_param GIT_CONFIG_KEY_0 safe.directory;
		fastcgi_param GIT_CONFIG_VALUE_0 *;
		fastcgi_param PATH_INFO \$uri;
		fastcgi_param QUERY_STRING \$query_string;
		fastcgi_param REQUEST_METHOD \$request_method;
		fastcgi_param CONTENT_TYPE \$content_type;
		fastcgi_param CONTENT_LENGTH \$content_length;
		fastcgi_param HTTP_GIT_PROTOCOL \$http_git_protocol;
		fastcgi_param REMOTE_ADDR \$remote_addr;
	}
	END
}

# One process, so that none is left when it is killed. Requests are recorded one by one; connections that brought none, or no TLS, in the log of errors.
nginx_config() {
	cat <<-END
	daemon off;
	master_process off;
	user root;
	worker_rlimit_nofile 4096;
	pid $internet/nginx.pid;
	error_log $internet/connections.log info;
	events { worker_connections 2048; }
	http {
		types { text/html html; application/json json; application/gzip tgz; application/zip whl zip; }
		default_type text/plain;
		log_format record escape=json '{"time":"\$time_iso8601","at":"\$server_addr:\$server_port",'
			'"peer":"\$remote_addr","tls":"\$ssl_protocol","sni":"\$ssl_server_name",'
			'"host":"\$http_host","method":"\$request_method","path":"\$request_uri",'
			'"status":\$status,"bytes":\$body_bytes_sent,"agent":"\$http_user_agent"}';
		access_log $internet/requests.jsonl record;
		sendfile on;
		keepalive_timeout 600;
		client_max_body_size 0;
		server_names_hash_bucket_size 128;
		$(nginx_servers)
	}
	END
}

# corp_config PORT [USER PASSWORD]: connections are made from the proxy's own address, so that
# origins can tell.
corp_config() {
	cat <<-END
	Listen $corp_address
	Port $1
	Bind $corp_address
	Timeout 600
	MaxClients 300
	LogLevel Connect
	${2:+BasicAuth $2 $3}
	END
}

# Before the host is made.
prepare_internet() {
	mkdir -p "$internet/bind"
	cp "$tree/build/internet/ca.crt" "$bed_ca"
	truncate -s 1G "$internet/1GiB"
	named_config >"$internet/bind/named.conf"
	zone >"$internet/bind/zone"
	nginx_location >"$internet/location.conf"
	nginx_config >"$internet/nginx.conf"
	corp_config "$corp_port" >"$internet/corp.conf"
	# shellcheck disable=SC2086 # two words
	corp_config "$corp_auth_port" $corp_credentials >"$internet/corp-auth.conf"
}

# What was made has changed since.
internet_is_stale() {
	[[ $tree/tests/bed/internet.bash -nt $bed_ca || $tree/build/internet/made -nt $bed_ca ]]
}

# --- on the bed's host, before anything runs there ------------------------------------------------

# As where systemd-resolved runs: a stub on loopback, and the upstream behind it in a file of its own.
# /etc/resolv.conf is a symlink on many machines, to a place that the bed doesn't have.
name_resolvers() {
	rm -f /etc/resolv.conf
	printf 'nameserver 127.0.0.53\noptions edns0 trust-ad\n' >/etc/resolv.conf
	mkdir -p /run/systemd/resolve
	cp /etc/resolv.conf /run/systemd/resolve/stub-resolv.conf
	printf 'nameserver %s\n' "${dns_addresses[0]}" >/run/systemd/resolve/resolv.conf
}

# The host trusts the CA, as a company's hosts trust their company's.
trust_bed_ca() {
	cat "$bed_ca" >>/etc/ssl/certs/ca-certificates.crt
	cp /etc/ssl/certs/ca-certificates.crt "$internet/bundle.crt"
}

# --- services: each function sets argv, and netns and where they answer when they are ready --------

service_dns() {
	netns=outside at=${dns_addresses[0]}:53
	argv=(named -f -n 1 -c /var/lib/bind/named.conf)
}

service_origins() {
	netns=outside at=203.0.113.10:443
	argv=(nginx -c "$internet/nginx.conf" -e stderr)
}

service_git() {
	netns=outside at=$internet/git.sock
	# shellcheck disable=SC2016 # the inner shell's
	argv=(sh -c 'rm -f "$0"; exec fcgiwrap -s "unix:$0"' "$internet/git.sock")
}

service_corp() {
	netns=outside at=$corp_address:$corp_port
	argv=(tinyproxy -d -c "$internet/corp.conf")
}

service_corp-auth() {
	netns=outside at=$corp_address:$corp_auth_port
	argv=(tinyproxy -d -c "$internet/corp-auth.conf")
}

service_resolver() {
	at=127.0.0.53:53
	argv=(dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= --no-hosts --no-resolv
		--cache-size=0 --bind-interfaces --listen-address=127.0.0.53 --server="${dns_addresses[0]}"
		--log-facility=-)
}

# All at once; what they record of being asked whether they are ready is dropped.
start_internet() {
	local service pids=() failed=0
	for service in "${internet_services[@]}"; do
		service "$service" start &
		pids+=($!)
	done
	for service in "${pids[@]}"; do
		wait "$service" || failed=1
	done
	((failed == 0)) || die 'the small internet did not come up'
	for service in "${internet_services[@]}"; do
		reset_records "$service"
	done
}

# set_address NAME [ADDRESS...]: from now on it has these and no others; changes are made by who is
# local to the server. Lasts as long as the bed.
set_address() {
	local address
	{
		printf 'server %s\nzone .\nupdate delete %s\n' "${dns_addresses[-1]}" "$1."
		for address in "${@:2}"; do
			case $address in
			*:*) printf 'update add %s 0 AAAA %s\n' "$1." "$address" ;;
			*) printf 'update add %s 0 A %s\n' "$1." "$address" ;;
			esac
		done
		echo send
	} | enter --user root --netns outside -- nsupdate
}

# --- records ------------------------------------------------------------------------------------

reset_records() {
	local file
	for file in ${records[$1]:-}; do
		: >"$file"
	done
}

show_records() {
	# shellcheck disable=SC2086 # several files
	cat ${records[$1]}
}

# count_queries [NAME [SERVER]]: how often a DNS server (all but 127.0.0.53, which only who lives
# outside asks) was asked for a name, whatever the type; ".NAME" is whatever is below it; no name is
# every query.
count_queries() {
	awk -v name="${1:-}" -v server="${2:-}" '
		function matches(asked) {
			if (name == "") return 1
			if (name !~ /^\./) return asked == name
			return length(asked) > length(name) && substr(asked, length(asked) - length(name) + 1) == name
		}
		BEGIN { name = tolower(name); if (name != ".") sub(/\.$/, "", name) }
		match($0, /query: [^ ]+ /) {
			asked = tolower(substr($0, RSTART + 7, RLENGTH - 8))
			at = $NF
			gsub(/[()]/, "", at)
			if (server == "" ? at == "127.0.0.53" : at != server) next
			if (matches(asked)) n++
		}
		END { print n + 0 }' "${records[dns]}"
}
