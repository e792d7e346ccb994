# The service in a container: debian:trixie-slim, the libraries it needs, one binary, no root.
FROM debian:trixie-slim AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      gcc libc6-dev meson ninja-build pkg-config libcmocka-dev libpq-dev libisal-dev zlib1g-dev libzstd-dev \
      libsnappy-dev liblz4-dev libxxhash-dev libsqlite3-dev libmicrohttpd-dev libjansson-dev libssl-dev
WORKDIR /source
COPY . .
RUN meson setup /build && ninja -C /build src/decant && strip /build/src/decant

FROM debian:trixie-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      libpq5 libisal2 zlib1g libzstd1 libsnappy1v5 liblz4-1 libxxhash0 libsqlite3-0 libmicrohttpd12t64 libjansson4 \
      libssl3t64 \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/apt /var/log/dpkg.log \
 && install -d -o 65532 -g 65532 -m 700 /data
COPY --from=build /build/src/decant /usr/local/bin/decant
USER 65532:65532
VOLUME /data
# Everything that is written goes to the volume: exports, the job store, temporary files.
ENV DECANT_DATA=/data TMPDIR=/data SQLITE_TMPDIR=/data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["decant", "health"]
ENTRYPOINT ["decant"]
# A container is reached through the port that somebody publishes: publish it on 127.0.0.1.
CMD ["serve", "--listen", "0.0.0.0:8080", "--insecure-listen"]
