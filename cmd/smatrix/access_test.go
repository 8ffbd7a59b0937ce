package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/sim"
	"github.com/smatrix-grid/smatrix/sim/live"
	"github.com/smatrix-grid/smatrix/sim/scenario"
	"github.com/smatrix-grid/smatrix/ui"
)

// listens parses flags and listens; it returns what was written to stderr.
func listens(t *testing.T, args ...string) (f *accessFlags, l net.Listener, stderr string, err error) {
	t.Helper()
	var out bytes.Buffer
	f = &accessFlags{}
	c := &cobra.Command{Use: "serve"}
	f.add(c)
	c.SetErr(&out)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if l, err = f.listen(c); err == nil {
		t.Cleanup(func() { _ = l.Close() })
	}
	return f, l, out.String(), err
}

const goodToken = "0123456789abcdef"

// The token comes from a flag, a file or the environment, in this order.
func TestTokenSources(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	inFile, short, long := file("token", "in-the-file-of-the-token\n"), file("short", "x\n"), file("long", strings.Repeat("x", 5000))
	for _, row := range []struct {
		name, environment string
		args              []string
		want, wrong       string
	}{
		{"none", "", nil, "", ""},
		{"flag", "in-the-environment", []string{"--token", goodToken}, goodToken, ""},
		{"file", "in-the-environment", []string{"--token-file", inFile}, "in-the-file-of-the-token", ""},
		{"environment", "in-the-environment", nil, "in-the-environment", ""},
		{"flag and file", "", []string{"--token", goodToken, "--token-file", inFile}, "", "wanted one of the two"},
		{"empty flag", "", []string{"--token", ""}, "", "--token: the token has 0 characters, wanted at least 16"},
		{"one letter", "", []string{"--token", "x"}, "", "--token: the token has 1 character"},
		{"short file", "", []string{"--token-file", short}, "", "short: the token has 1 character"},
		{"short environment", "x", nil, "", "SMATRIX_TOKEN: the token has 1 character"},
		{"long file", "", []string{"--token-file", long}, "", "longer than 4 KiB"},
		{"no file", "", []string{"--token-file", filepath.Join(dir, "none")}, "", "no such file"},
		{"proxies without a token", "", []string{"--trusted-proxies", "10.0.0.0/8"}, "", "wanted a token as well"},
		{"no proxy", "x", []string{"--trusted-proxies", "ten"}, "", `"ten": wanted addresses such as`},
		{"half of TLS", "", []string{"--tls-cert", inFile}, "", "wanted both, or neither"},
		{"no certificate", "", []string{"--tls-cert", inFile, "--tls-key", inFile}, "", "failed to find any PEM data"},
	} {
		t.Setenv(tokenVariable, row.environment)
		f, _, _, err := listens(t, append(row.args, "--addr", "127.0.0.1:0")...)
		if (err == nil) != (row.wrong == "") || err != nil && !strings.Contains(err.Error(), row.wrong) || err == nil && f.token != row.want {
			t.Errorf("%s: %q, %v; want %q, %q", row.name, f.token, err, row.want, row.wrong)
		}
	}
}

// Other machines are served plain HTTP only with a warning, unless that is accepted or a proxy has TLS.
func TestPlainHTTPWarning(t *testing.T) {
	t.Setenv(tokenVariable, goodToken)
	cert, key, _ := certificate(t)
	for _, row := range []struct {
		args  []string
		warns bool
	}{
		{[]string{"--addr", "0.0.0.0:0"}, true},
		{[]string{"--addr", "[::]:0"}, true},
		{[]string{"--addr", "127.0.0.1:0"}, false},
		{[]string{"--addr", "[::1]:0"}, false},
		{[]string{"--addr", "0.0.0.0:0", "--plain-http"}, false},
		{[]string{"--addr", "0.0.0.0:0", "--trusted-proxies", "10.0.0.5,10.1.0.0/16"}, false},
		{[]string{"--addr", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key}, false},
	} {
		_, _, stderr, err := listens(t, row.args...)
		if err != nil && strings.Contains(row.args[1], "[") {
			continue // this machine has no IPv6
		}
		if err != nil || strings.Contains(stderr, "whoever is on the way can read the token") != row.warns {
			t.Errorf("%v: %q %v", row.args, stderr, err)
		}
	}
}

// The address that is printed can be opened: it is never 0.0.0.0, and says https with TLS.
func TestPrintedAddresses(t *testing.T) {
	t.Setenv(tokenVariable, goodToken)
	cert, key, _ := certificate(t)
	for _, args := range [][]string{{"--addr", "0.0.0.0:0"}, {"--addr", "127.0.0.1:0"}, {"--addr", ":0", "--tls-cert", cert, "--tls-key", key}} {
		f, l, _, err := listens(t, args...)
		if err != nil {
			t.Fatal(err)
		}
		all := f.urls(l)
		for _, text := range all {
			u, err := url.Parse(text)
			ip, wrong := netip.ParseAddr(u.Hostname())
			if err != nil || wrong != nil || ip.IsUnspecified() || (u.Scheme == "https") != (len(args) > 2) {
				t.Errorf("%v: %s", args, text)
			}
			if c, err := net.Dial("tcp", u.Host); err != nil {
				t.Errorf("%v: %s cannot be reached: %v", args, text, err)
			} else {
				_ = c.Close()
			}
		}
		if len(all) == 0 || args[1] == "0.0.0.0:0" && len(f.hosts(netip.MustParseAddr("192.0.2.1"))) != 1 {
			t.Errorf("%v: %v", args, all)
		}
	}
}

// A server with a certificate speaks HTTPS, and its session cookie is for HTTPS only.
func TestHTTPS(t *testing.T) {
	t.Setenv(tokenVariable, goodToken)
	cert, key, roots := certificate(t)
	f, l, _, err := listens(t, "--addr", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Load("hamlet", scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := sim.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ui.NewServer(ui.Options{World: w, Stepper: startActors, Live: live.Options{Paused: true}, Token: f.token})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm(f.urls(l)[0]+"login", url.Values{"token": {goodToken}})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if c := answer.Cookies(); answer.StatusCode != 303 || len(c) != 1 || !c[0].Secure || answer.TLS == nil || answer.TLS.Version < tls.VersionTLS12 || answer.ProtoMajor != 1 {
		t.Errorf("%s, cookies %v", answer.Status, c)
	}
	plain, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err == nil {
		_ = plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP is answered with %s", plain.Status)
		}
	}
	transport.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// certificate makes a certificate for 127.0.0.1, and returns its files and the roots that trust it.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certFile, keyFile, roots
}
