// A peer for the tests: Go's crypto/tls as an echo server, and as a client that carries its input to one.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
)

type options struct {
	certificate, key, ca, name, alpn, groups, minVersion, maxVersion, suite, ocspResponse, timestamp string
	port                                                                                             int
	resume                                                                                           bool
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: peer server|client OPTIONS")
	}
	role := os.Args[1]
	var o options
	flags := flag.NewFlagSet(role, flag.ExitOnError)
	flags.StringVar(&o.certificate, "certificate", "", "PEM chain")
	flags.StringVar(&o.key, "key", "", "PEM key")
	flags.StringVar(&o.ca, "ca", "", "PEM root to check the other side with")
	flags.StringVar(&o.name, "name", "", "the server's name")
	flags.StringVar(&o.alpn, "alpn", "", "protocols")
	flags.StringVar(&o.groups, "groups", "", "code points")
	flags.StringVar(&o.minVersion, "min-version", "1.3", "lowest version")
	flags.StringVar(&o.maxVersion, "max-version", "1.3", "highest version")
	flags.StringVar(&o.suite, "suite", "", "the one cipher suite up to TLS 1.2")
	flags.StringVar(&o.ocspResponse, "ocsp-response", "", "what to staple, DER")
	flags.StringVar(&o.timestamp, "timestamp", "", "a SignedCertificateTimestamp")
	flags.IntVar(&o.port, "port", 0, "where the server listens")
	flags.BoolVar(&o.resume, "resume", false, "connect twice")
	flags.Parse(os.Args[2:])

	var err error
	if role == "server" {
		err = serve(o)
	} else {
		err = connect(o)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func configure(o options) (*tls.Config, *x509.CertPool, error) {
	config := &tls.Config{MinVersion: version(o.minVersion), MaxVersion: version(o.maxVersion)}
	if o.alpn != "" {
		config.NextProtos = strings.Split(o.alpn, ",")
	}
	for _, word := range strings.Split(o.groups, ",") {
		group, err := strconv.Atoi(word)
		if err != nil {
			return nil, nil, err
		}
		config.CurvePreferences = append(config.CurvePreferences, tls.CurveID(group))
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suite.Name == o.suite {
			config.CipherSuites = []uint16{suite.ID}
		}
	}
	if o.certificate != "" {
		pair, err := tls.LoadX509KeyPair(o.certificate, o.key)
		if err != nil {
			return nil, nil, err
		}
		if o.ocspResponse != "" {
			if pair.OCSPStaple, err = os.ReadFile(o.ocspResponse); err != nil {
				return nil, nil, err
			}
		}
		if o.timestamp != "" {
			timestamp, err := os.ReadFile(o.timestamp)
			if err != nil {
				return nil, nil, err
			}
			pair.SignedCertificateTimestamps = [][]byte{timestamp}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if o.ca == "" {
		return config, nil, nil
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return config, pool, nil
}

func version(name string) uint16 {
	return map[string]uint16{
		"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
	}[name]
}

func serve(o options) error {
	config, pool, err := configure(o)
	if err != nil {
		return err
	}
	if pool != nil {
		config.ClientCAs, config.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	fmt.Printf("PORT %d\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			echo(connection.(*tls.Conn))
		}()
	}
}

func echo(connection *tls.Conn) {
	err := connection.Handshake()
	if err == nil {
		report(connection)
		_, err = io.Copy(connection, connection)
	}
	log.Println("connection ended:", err)
}

func report(connection *tls.Conn) {
	state := connection.ConnectionState()
	exported, err := state.ExportKeyingMaterial("EXPORTER-turtls", []byte("tests"), 32)
	log.Println("connected:", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.CurveID, err)
	log.Printf("exported: %x", exported)
	log.Printf("stapled: %x", state.OCSPResponse)
	log.Printf("timestamps: %x", state.SignedCertificateTimestamps)
}

func connect(o options) error {
	config, pool, err := configure(o)
	if err != nil {
		return err
	}
	config.RootCAs, config.ServerName = pool, o.name
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	address := fmt.Sprintf("127.0.0.1:%d", o.port)
	if o.resume {
		if err := carry(address, config, strings.NewReader("0\n"), io.Discard); err != nil {
			return err
		}
	}
	return carry(address, config, os.Stdin, os.Stdout)
}

// carry takes what comes from input to the server, and its echo to output.
func carry(address string, config *tls.Config, input io.Reader, output io.Writer) error {
	connection, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer connection.Close()
	report(connection)
	done := make(chan struct{})
	go func() {
		if _, err := io.Copy(output, connection); err != nil {
			log.Fatal(err)
		}
		close(done)
	}()
	if _, err := io.Copy(connection, input); err != nil {
		return err
	}
	if err := connection.CloseWrite(); err != nil {
		return err
	}
	<-done
	return nil
}
