# A registry on the bed's host, with images of the tests in it, for as long as a test file runs.
# shellcheck shell=bash

# The engine takes loopback without TLS. The same registry where it does not, once without TLS and once
# with a certificate that nobody has signed; and one that is slow.
REGISTRY=127.0.0.1:5000
REGISTRY_PLAIN=10.77.0.1:5000
REGISTRY_TLS=10.77.0.1:5001
REGISTRY_SLOW=127.0.0.1:5002

registry_root() {
	bed_exec -u root -- sh -c "$@"
}

# registry_start: idempotent for the file's other tests.
registry_start() {
	registry_root 'mkdir -p /tmp/registry && cd /tmp/registry
		for name in plain tls; do cat >$name.yml <<-END
			version: 0.1
			log: {level: error, accesslog: {disabled: true}}
			storage: {filesystem: {rootdirectory: /tmp/registry/data}, delete: {enabled: true}}
			http:
			  secret: bed
			END
		done
		printf "  addr: :5000\n" >>plain.yml
		printf "  addr: :5001\n  tls: {certificate: /tmp/registry/tls.crt, key: /tmp/registry/tls.key}\n" >>tls.yml
		cat >slow.conf <<-END
			daemon off; pid /tmp/registry/slow.pid; error_log stderr error;
			events {}
			http { access_log off; proxy_temp_path /tmp/registry/slow;
			  server { listen 127.0.0.1:5002; location / {
			    proxy_pass http://127.0.0.1:5000; proxy_set_header Host \$http_host; limit_rate 200k; } } }
			END
		openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 -subj /CN=registry \
			-addext subjectAltName=IP:10.77.0.1 2>/dev/null'
	bed_service --at 127.0.0.1:5000 start registry -- docker-registry serve /tmp/registry/plain.yml
	bed_service --at 127.0.0.1:5001 start registry-tls -- docker-registry serve /tmp/registry/tls.yml
	bed_service --at 127.0.0.1:5002 start registry-slow -- nginx -c /tmp/registry/slow.conf
	wait_for bed_exec -- curl -sSf "http://$REGISTRY/v2/" "http://$REGISTRY_SLOW/v2/"
	wait_for bed_exec -- curl -sSfk "https://$REGISTRY_TLS/v2/"
}

registry_stop() {
	local service
	for service in registry registry-tls registry-slow; do
		bed_service kill "$service"
	done
	bed_exec -u root -- rm -rf /tmp/registry
}

# registry_push FROM NAME: an image of the engine's, under that name; prints its digest.
registry_push() {
	bed_exec -u root -- docker tag "$1" "$REGISTRY/$2"
	bed_exec -u root -- docker push -q "$REGISTRY/$2" >/dev/null
	bed_exec -u root -- docker image inspect -f '{{index .RepoDigests 0}}' "$REGISTRY/$2" | sed 's/.*@//'
	remove_images "$REGISTRY/$2"
}

# registry_push_large NAME: two layers of random bytes, 4 MiB each.
registry_push_large() {
	registry_root 'set -e; cd /tmp; name=awf/large:test
		docker create --name large awf/root-static:latest >/dev/null
		for n in 1 2; do
			head -c 4194304 /dev/urandom >/tmp/large.$n
			docker cp -q /tmp/large.$n large:/ 2>/dev/null || docker cp /tmp/large.$n large:/
			docker commit large $name >/dev/null; docker rm large >/dev/null
			docker create --name large $name >/dev/null
		done
		docker rm large >/dev/null; rm /tmp/large.*'
	registry_push awf/large:test "$1"
	remove_images awf/large:test
}
