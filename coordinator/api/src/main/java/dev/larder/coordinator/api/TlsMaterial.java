package dev.larder.coordinator.api;

import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * What one end of a mutual TLS connection shows and trusts. The managers are asked at each
 * handshake, so an implementation that loads new files behind them takes effect without a restart.
 */
public record TlsMaterial(X509ExtendedKeyManager keys, X509ExtendedTrustManager trust) {}
