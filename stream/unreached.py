"""Why brokers do not take us, with the setting to look at.

The clients log what hinders them and go on trying; all that they raise in the end is that time is
out. So each broker is spoken to once more, by a connection that raises what it meets.
"""

from __future__ import annotations

import asyncio
import ssl

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest
from kafka.errors import KafkaConnectionError, KafkaTimeoutError, SaslAuthenticationFailedError

from stream.brokers import Brokers

_PATIENCE_MS = 3000
_UNCONNECTED = (KafkaTimeoutError, KafkaConnectionError, SaslAuthenticationFailedError)


def why(brokers: Brokers, error: Exception) -> str:
    """Return in one line why a client of kafka-python failed."""
    if not isinstance(error, _UNCONNECTED):
        return str(error)
    return asyncio.run(_first_refusal(brokers)) or str(error)


async def _first_refusal(brokers: Brokers) -> str | None:
    """Return why the first broker that answers refuses; None where none answers, or all take us."""
    arguments = {k: v for k, v in brokers.client.items() if k != "bootstrap_servers"}
    for host, port, _ in collect_hosts(brokers.servers, randomize=False):
        try:
            taken = await create_conn(host, port, request_timeout_ms=_PATIENCE_MS, **arguments)
            try:
                await taken.send(MetadataRequest([]))  # before, one who lacks a login is heard, too
            finally:
                taken.close()
        except (OSError, KafkaError, TimeoutError) as refusal:
            reason = _reason(brokers, refusal)
            if reason is not None:
                return reason
    return None


def _reason(brokers: Brokers, refusal: Exception) -> str | None:
    """Tell what a refusal means; None where it is no more than that nothing answers."""
    if isinstance(refusal, SaslAuthenticationFailed):
        return f"the login is refused (TONNAGE_KAFKA_USER, TONNAGE_KAFKA_PASSWORD): {refusal}"
    if isinstance(refusal, UnsupportedSaslMechanismError):
        return f"the login is not taken by TONNAGE_KAFKA_SASL_MECHANISM={brokers.mechanism}"
    if isinstance(refusal, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted (TONNAGE_KAFKA_CA): {refusal.verify_message}"
    if isinstance(refusal, (ssl.SSLError, KafkaError)):
        certificate = " Does it ask for a TONNAGE_KAFKA_CERTIFICATE?" if brokers.has_tls else ""
        return (
            "the connection is closed. Is TONNAGE_KAFKA_SECURITY_PROTOCOL="
            f"{brokers.protocol} what is spoken there?{certificate}"
        )
    return None
