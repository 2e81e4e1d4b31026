FROM node:24.21.0-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed: the image brings Node, and better-sqlite3 ships its binaries inside the package.
# The sources of SQLite and the binaries for other systems are left out.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force && \
    rm -r node_modules/better-sqlite3/deps node_modules/better-sqlite3/src && \
    find node_modules/better-sqlite3/prebuilds -type f ! -name "linux-$(node -p process.arch).node" -delete

FROM node:24.21.0-slim
# What Node has compiled is kept beside the data, for the next start.
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/data/.compiled \
    FEEDGEN_LISTENHOST=0.0.0.0 \
    FEEDGEN_DATABASE_URL=sqlite:/data/tagfeed.db
WORKDIR /app
# Created before VOLUME: a new named volume takes over the owner of the directory it covers.
RUN mkdir /data /backup && chown node:node /data /backup
# The code belongs to root, so that the service cannot change it.
COPY --from=dependencies /app/node_modules ./node_modules
COPY . .
USER node
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FEEDGEN_PORT || 3000}/xrpc/_health`, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
