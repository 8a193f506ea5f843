// Measures crypto/tls: reads one order a line, and answers with the CPU seconds that it took, both ends together.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

type order struct {
	What              string
	Times             int
	Name              string
	Version           string
	Key               string
	Group             string
	Cipher            string
	Resumed           bool
	Size              int
	ClientCertificate bool   `json:"client_certificate"`
	Root              string `json:"root"`
	ServerChain       string `json:"server_chain"`
	ServerKey         string `json:"server_key"`
	ClientChain       string `json:"client_chain"`
	ClientKey         string `json:"client_key"`
}

// What an order is about, made once.
type subject struct {
	client, server *tls.Config
	here, there    *tls.Conn
	data           []byte
}

func main() {
	subjects := map[order]*subject{}
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		seconds, err := obey(subjects, orders.Bytes())
		answer := map[string]any{"seconds": seconds}
		if err != nil {
			answer["error"] = err.Error()
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}

func obey(subjects map[order]*subject, line []byte) (float64, error) {
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return 0, err
	}
	times := o.Times
	o.Times = 0
	s := subjects[o]
	if s == nil {
		made, err := prepare(o)
		if err != nil {
			return 0, err
		}
		s = made
		subjects[o] = s
	}
	start := cpu()
	for range times {
		if err := s.once(o); err != nil {
			return 0, err
		}
	}
	return cpu() - start, nil
}

func (s *subject) once(o order) error {
	if o.What == "transfer" {
		if err := send(s.here, s.there, s.data); err != nil {
			return err
		}
		return send(s.there, s.here, s.data)
	}
	client, _, err := connect(s.client, s.server)
	if err == nil && client.ConnectionState().DidResume != o.Resumed {
		err = errors.New("resumption did not come about as wanted")
	}
	return err
}

func send(from, to *tls.Conn, data []byte) error {
	if _, err := from.Write(data); err != nil {
		return err
	}
	_, err := io.ReadFull(to, data)
	return err
}

func prepare(o order) (*subject, error) {
	client, server, err := configs(o)
	if err != nil {
		return nil, err
	}
	s := &subject{client: client, server: server, data: make([]byte, o.Size)}
	if o.What == "transfer" || o.Resumed {
		s.here, s.there, err = connect(client, server)
	}
	return s, err
}

func configs(o order) (client, server *tls.Config, err error) {
	pem, err := os.ReadFile(o.Root)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	identity, err := tls.LoadX509KeyPair(o.ServerChain, o.ServerKey)
	if err != nil {
		return nil, nil, err
	}
	version := uint16(tls.VersionTLS13)
	if o.Version == "1.2" {
		version = tls.VersionTLS12
	}
	groups := []tls.CurveID{tls.X25519, tls.CurveP256}
	if o.Group == "X25519MLKEM768" {
		groups = []tls.CurveID{tls.X25519MLKEM768}
	}
	suites := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	client = &tls.Config{
		RootCAs: roots, ServerName: o.Name, MinVersion: version, MaxVersion: version, CurvePreferences: groups, CipherSuites: suites,
	}
	server = &tls.Config{
		Certificates: []tls.Certificate{identity}, MinVersion: version, MaxVersion: version, CurvePreferences: groups, CipherSuites: suites,
	}
	if o.Resumed {
		client.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	}
	if o.ClientCertificate {
		own, err := tls.LoadX509KeyPair(o.ClientChain, o.ClientKey)
		if err != nil {
			return nil, nil, err
		}
		client.Certificates = []tls.Certificate{own}
		server.ClientCAs, server.ClientAuth = roots, tls.RequireAndVerifyClientCert
	}
	return client, server, nil
}

// A handshake in memory, and one byte from the server, so that the client has read the tickets before it.
func connect(clientConfig, serverConfig *tls.Config) (client, server *tls.Conn, err error) {
	here, there := pair()
	client, server = tls.Client(here, clientConfig), tls.Server(there, serverConfig)
	done := make(chan error, 1)
	go func() {
		err := server.Handshake()
		if err == nil {
			_, err = server.Write([]byte{1})
		}
		done <- err
	}()
	if err = client.Handshake(); err != nil {
		return nil, nil, err
	}
	var one [1]byte
	if _, err = client.Read(one[:]); err != nil {
		return nil, nil, err
	}
	return client, server, <-done
}

// One end of a connection in memory that has room for whatever is written.
type end struct {
	inbound, outbound *buffer
}

type buffer struct {
	mutex sync.Mutex
	ready *sync.Cond
	data  bytes.Buffer
}

func newBuffer() *buffer {
	b := &buffer{}
	b.ready = sync.NewCond(&b.mutex)
	return b
}

func pair() (net.Conn, net.Conn) {
	a, b := newBuffer(), newBuffer()
	return &end{a, b}, &end{b, a}
}

func (e *end) Read(p []byte) (int, error) {
	b := e.inbound
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for b.data.Len() == 0 {
		b.ready.Wait()
	}
	return b.data.Read(p)
}

func (e *end) Write(p []byte) (int, error) {
	b := e.outbound
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.ready.Signal()
	return b.data.Write(p)
}

func (e *end) Close() error                     { return nil }
func (e *end) LocalAddr() net.Addr              { return nil }
func (e *end) RemoteAddr() net.Addr             { return nil }
func (e *end) SetDeadline(time.Time) error      { return nil }
func (e *end) SetReadDeadline(time.Time) error  { return nil }
func (e *end) SetWriteDeadline(time.Time) error { return nil }

func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
