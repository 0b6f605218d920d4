# Two stages: the compiler stays in the first.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY actors ./actors
COPY src ./src
# The manifest names a test and a bench, which must exist for it to be read.
COPY tests ./tests
COPY benches ./benches
# `--build-arg FEATURES=otel`: with traces.
ARG FEATURES=
RUN cargo build --profile dist --locked --bin sendyard --features "$FEATURES" \
 # Names of functions stay, for backtraces; lines, four fifths of the file, do not.
 && strip --strip-debug target/dist/sendyard

FROM debian:bookworm-slim
# The providers are reached by TLS, whose roots are the system's.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
# A volume mounted over /data takes its owner from here.
RUN useradd --system --uid 10001 sendyard \
 && install --directory --owner sendyard /data
COPY --from=build /src/target/dist/sendyard /usr/local/bin/sendyard
USER sendyard
WORKDIR /data
ENV SENDYARD__HTTP__LISTEN=0.0.0.0:8080 \
    SENDYARD__METRICS__LISTEN=0.0.0.0:9464 \
    SENDYARD__STORE__URL=redb:/data/store
EXPOSE 8080 9464
ENTRYPOINT ["sendyard"]
CMD ["serve"]
