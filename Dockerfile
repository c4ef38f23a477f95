# The exporter with Node.js and the libraries that Node.js is linked with; no shell, no package manager.
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" --tag acr-scan-exporter:0.1.0 .
# The target `simulator` builds the image of the simulator, with the demo's registry:
#   docker build --target simulator --tag acr-simulator:0.1.0 .
# An LTS release, maintained until April 2028. 26 works too, and makes the image 23 MB larger: 195 MB.
ARG NODE_VERSION=24
# The version in package.json, unless the image is built between two releases.
ARG VERSION=0.1.0

FROM node:${NODE_VERSION}-bookworm-slim AS runtime
COPY deploy/container/collect-node.mjs /
RUN node /collect-node.mjs /runtime

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
# A version such as 2.2.2 adds the generated client of Alibaba Cloud, which is then used instead of @alicloud/openapi-core.
ARG ALICLOUD_CR20181201
RUN if [ -n "$ALICLOUD_CR20181201" ]; then \
      npm install --save-prod --omit=dev --ignore-scripts "@alicloud/cr20181201@$ALICLOUD_CR20181201"; \
    fi

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
ARG VERSION
ARG REVISION
RUN ACR_BUILD_VERSION="$VERSION" ACR_BUILD_REVISION="$REVISION" node scripts/build.mjs
WORKDIR /programs
COPY package.json LICENSE THIRD-PARTY-LICENSES.md exporter/
COPY deploy/container/healthcheck.mjs exporter/deploy/container/
COPY package.json LICENSE THIRD-PARTY-LICENSES.md simulator/
COPY config/demo-scenario.yml simulator/config/
# The simulator only needs these folders and its own. COPY keeps the modes of the checkout, in which only the owner may be able to read.
RUN mkdir simulator/dist && \
    mv /app/dist/simulator simulator/dist && \
    cp -R /app/dist/build-info.js /app/dist/build-info.json /app/dist/model /app/dist/util simulator/dist && \
    rm /app/dist/demo.js && \
    mv /app/dist exporter/dist && \
    mkdir /state && \
    chmod -R u=rwX,go=rX .

# It is for demos and tests, so the usual base image is good enough.
FROM node:${NODE_VERSION}-bookworm-slim AS simulator
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /programs/simulator ./
ENV NODE_ENV=production
USER 65532:65532
EXPOSE 20182
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/simulator/bin.js"]
CMD ["--listen-address=0.0.0.0:20182", "--scenario=/app/config/demo-scenario.yml"]
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="acr-simulator" \
      org.opencontainers.image.description="A simulated API of Alibaba Cloud Container Registry, for demos and tests" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The default target is the last stage, the exporter.
# Not based on other images without a shell: they get the security releases of Node.js later than the official image.
FROM scratch
COPY --from=runtime /runtime /
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /programs/exporter ./
# For --storage.path: a volume that is mounted here belongs to the user of the program.
COPY --from=build --chown=65532:65532 /state /var/lib/acr-scan-exporter
ENV PATH=/usr/local/bin \
    NODE_ENV=production \
    ACR_SCAN_EXPORTER_CONFIG_FILE=/etc/acr-scan-exporter/config.yml
USER 65532:65532
EXPOSE 20181
HEALTHCHECK --interval=30s --timeout=5s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/deploy/container/healthcheck.mjs"]
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/bin.js"]
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="acr-scan-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the image scans of Alibaba Cloud Container Registry" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
