# loginetl in an image of its own:
#
#   docker build -t loginetl .
#   docker run --rm -e AWS_REGION -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY -e DATABASE_URL loginetl --drain
#
# BASE may name another image of Debian 12.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
WORKDIR /source
# What is installed changes less often than the sources: it is a layer of its own.
COPY deps deps
RUN deps/install.sh build
COPY CMakeLists.txt CMakePresets.json ./
COPY include include
COPY src src
RUN cmake --preset release -DLOGINETL_TESTS=OFF \
    && cmake --build --preset release \
    && DESTDIR=/image cmake --install build/release --prefix /usr/local --strip

FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libcurl4 libexpat1 libinih1 libmbedcrypto7 libpq5 libuv1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
    && useradd --uid 10001 --no-create-home --home-dir / --shell /usr/sbin/nologin loginetl
COPY --from=build /image/usr/local/bin/loginetl /usr/local/bin/loginetl
USER loginetl
ENTRYPOINT ["/usr/local/bin/loginetl"]
