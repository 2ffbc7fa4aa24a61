FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY server server
COPY clients/python clients/python
COPY policy_rules policy_rules
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/oversight \
    && /opt/oversight/bin/pip install --no-cache-dir -c constraints.txt "$(ls /wheels/oversightd-*.whl)[server]"

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 oversight \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/oversight --shell /usr/sbin/nologin oversight \
    && install --directory --owner oversight --group oversight --mode 0700 /var/lib/oversight
COPY --from=build /opt/oversight /opt/oversight
ENV PATH=/opt/oversight/bin:$PATH \
    OVERSIGHT_DATA_DIR=/var/lib/oversight
WORKDIR /var/lib/oversight
USER 10001:10001
# Keys, journals and records: without a volume they end with the container.
VOLUME /var/lib/oversight
EXPOSE 50051
# Asks the data port itself, by the standard health service, with TLS on as well as off.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD ["oversight", "status", "--probe", "--timeout", "3"]
ENTRYPOINT ["oversight"]
# Loopback: software in the same network namespace (a sidecar) reaches it. Beyond, see docs/operators.md.
CMD ["serve"]
