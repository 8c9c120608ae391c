# syntax=docker/dockerfile:1

# Builds what the npm package ships, from the lock file.
FROM node:24-bookworm-slim AS build
WORKDIR /opt/azora
COPY package.json package-lock.json ./
# The image brings its own Node, so the package that downloads one need not run.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run prepack

FROM node:24-bookworm-slim
# The private bus; without it the nodes would talk through the mesh.
RUN apt-get update \
    && apt-get install -y --no-install-recommends nats-server \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/azora --shell /usr/sbin/nologin azora \
    && install -d -o azora -g azora -m 0750 /var/lib/azora /var/log/azora
WORKDIR /opt/azora
COPY --from=build /opt/azora/package.json /opt/azora/LICENSE ./
COPY --from=build /opt/azora/node_modules ./node_modules
COPY --from=build /opt/azora/bin ./bin
COPY --from=build /opt/azora/dist ./dist
RUN ln -s /opt/azora/bin/azora.mjs /usr/local/bin/azora

ENV NODE_ENV=production \
    AZORA_DATA_DIR=/var/lib/azora \
    AZORA_LOG_DIR=/var/log/azora \
    AZORA_HOST=0.0.0.0
USER azora
VOLUME ["/var/lib/azora", "/var/log/azora"]
# The gateway. The orchestrator's page and API on port 9000 answer inside the container only.
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.AZORA_ORCHESTRATOR_PORT || 9000}/live`).then((live) => process.exit(live.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["azora"]
CMD ["up"]
