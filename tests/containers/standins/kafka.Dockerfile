ARG BASE
FROM ${BASE}
COPY kafka/ /opt/kafka/
COPY plugins/ /opt/plugins/
COPY log4j2.properties /opt/
COPY kafka.sh /usr/local/bin/docker-entrypoint.sh
RUN chmod 755 /usr/local/bin/docker-entrypoint.sh && \
    useradd --system --uid 1000 kafka && \
    install -d -o kafka /var/lib/kafka/data
USER kafka
EXPOSE 9092 8083
ENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]
