# The image of kubernetes.yaml: awfctl and the libraries that it needs. Build it beside the awfctl of the
# package: docker build -f kubernetes.Dockerfile -t registry.example/awfctl /usr/bin
FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libjson-c5 libyaml-0-2 \
 && rm -rf /var/lib/apt/lists/*
COPY awfctl /usr/bin/awfctl
