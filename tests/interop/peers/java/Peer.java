import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** A peer for the tests: Java's JSSE as an echo server, and as a client that carries its input to one. */
public final class Peer {
    private static final char[] PASSWORD = "turtls".toCharArray();
    private static final List<String> VERSIONS = List.of("1.0", "1.1", "1.2", "1.3");

    private final Map<String, String> options;
    private final SSLContext context;

    private Peer(Map<String, String> options) throws GeneralSecurityException, IOException {
        this.options = options;
        context = SSLContext.getInstance("TLS");
        context.init(keyManagers(), trustManagers(), null);
    }

    public static void main(String[] words) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 1; i < words.length; i++) {
            boolean isSwitch = i + 1 == words.length || words[i + 1].startsWith("--");
            options.put(words[i], isSwitch ? "yes" : words[++i]);
        }
        Peer peer = new Peer(options);
        if (words[0].equals("server")) {
            peer.serve();
        } else {
            peer.connect();
        }
    }

    private void serve() throws IOException {
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        SSLServerSocket listener =
            (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 50, loopback);
        SSLParameters parameters = parameters();
        parameters.setNeedClientAuth(options.containsKey("--ca"));
        listener.setSSLParameters(parameters);
        System.out.println("PORT " + listener.getLocalPort());
        while (true) {
            SSLSocket connection = (SSLSocket) listener.accept();
            Thread thread = new Thread(() -> echo(connection));
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void echo(SSLSocket connection) {
        try (connection) {
            carry(connection, connection.getInputStream(), connection.getOutputStream());
        } catch (IOException error) {
            error.printStackTrace();
        }
    }

    private void connect() throws Exception {
        if (options.containsKey("--resume")) {
            exchange(new ByteArrayInputStream("0\n".getBytes(StandardCharsets.US_ASCII)), OutputStream.nullOutputStream());
        }
        exchange(System.in, System.out);
    }

    private void exchange(InputStream input, OutputStream output) throws Exception {
        int port = Integer.parseInt(options.get("--port"));
        Socket plain = new Socket("127.0.0.1", port);
        SSLSocket connection =
            (SSLSocket) context.getSocketFactory().createSocket(plain, options.get("--name"), port, true);
        SSLParameters parameters = parameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        connection.setSSLParameters(parameters);
        connection.startHandshake();
        System.err.println("connected: " + connection.getSession());
        Thread receiver = new Thread(() -> receive(connection, output));
        receiver.start();
        carry(connection, input, connection.getOutputStream());
        connection.shutdownOutput();
        receiver.join();
        connection.close();
    }

    private static void receive(SSLSocket connection, OutputStream output) {
        try {
            byte[] buffer = new byte[65536];
            for (int size; (size = connection.getInputStream().read(buffer)) > 0; output.flush()) {
                output.write(buffer, 0, size);
            }
        } catch (IOException error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    private void carry(SSLSocket connection, InputStream input, OutputStream output) throws IOException {
        byte[] buffer = new byte[65536];
        for (int size; (size = input.read(buffer)) > 0; output.flush()) {
            if (options.containsKey("--update-keys")) {
                connection.startHandshake(); // in TLS 1.3 this sends a KeyUpdate
            }
            output.write(buffer, 0, size);
        }
    }

    private SSLParameters parameters() {
        SSLParameters parameters = context.getDefaultSSLParameters();
        int lowest = VERSIONS.indexOf(options.get("--min-version"));
        int highest = VERSIONS.indexOf(options.get("--max-version"));
        parameters.setProtocols(VERSIONS.subList(lowest, highest + 1).stream()
            .map(version -> version.equals("1.0") ? "TLSv1" : "TLSv" + version).toArray(String[]::new));
        if (options.containsKey("--suite")) {
            parameters.setCipherSuites(new String[] {options.get("--suite")});
        }
        if (options.containsKey("--alpn")) {
            parameters.setApplicationProtocols(options.get("--alpn").split(","));
        }
        return parameters;
    }

    private KeyManager[] keyManagers() throws GeneralSecurityException, IOException {
        if (!options.containsKey("--certificate")) {
            return null;
        }
        Certificate[] chain = certificates(options.get("--certificate"));
        byte[] encoded = Base64.getMimeDecoder().decode(
            Files.readString(Path.of(options.get("--key"))).replaceAll("-----.*-----", ""));
        PrivateKey key = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm())
            .generatePrivate(new PKCS8EncodedKeySpec(encoded));
        KeyStore store = emptyStore();
        store.setKeyEntry("own", key, PASSWORD, chain);
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, PASSWORD);
        return factory.getKeyManagers();
    }

    private TrustManager[] trustManagers() throws GeneralSecurityException, IOException {
        if (!options.containsKey("--ca")) {
            return null;
        }
        KeyStore store = emptyStore();
        store.setCertificateEntry("root", certificates(options.get("--ca"))[0]);
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private static Certificate[] certificates(String path) throws GeneralSecurityException, IOException {
        try (InputStream file = Files.newInputStream(Path.of(path))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(file).toArray(Certificate[]::new);
        }
    }
}
