package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smatrix-grid/smatrix/ui"
)

// accessFlags are the flags that say at which address a server listens and who may connect.
type accessFlags struct {
	addr      string
	token     string
	tokenFile string
	tlsCert   string
	tlsKey    string
	plainHTTP bool
	proxies   []string

	trusted []netip.Prefix // proxies, parsed by listen
}

// tokenVariable is the environment variable that may hold the token.
const tokenVariable = "SMATRIX_TOKEN"

// accessNames are the names of the flags, besides --addr, that only a server has a use for.
var accessNames = []string{"token", "token-file", "tls-cert", "tls-key", "plain-http", "trusted-proxies"}

func (f *accessFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.addr, "addr", "127.0.0.1:7070", "listen at `HOST:PORT`; port 0 is a free one")
	flags.StringVar(&f.token, "token", "", "require `TEXT` as the token of every request; other users of the machine can see it among its processes")
	flags.StringVar(&f.tokenFile, "token-file", "", "read the token from `FILE`; without both flags it is "+tokenVariable+" of the environment")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "serve HTTPS with the certificates in `FILE` (PEM)")
	flags.StringVar(&f.tlsKey, "tls-key", "", "the private key of --tls-cert, `FILE` (PEM)")
	flags.BoolVar(&f.plainHTTP, "plain-http", false, "do not warn when other machines are served plain HTTP")
	flags.StringSliceVar(&f.proxies, "trusted-proxies", nil, "believe the X-Forwarded headers of reverse proxies at `CIDR,…`")
}

// listen opens the address. It sets token and trusted.
func (f *accessFlags) listen(c *cobra.Command) (net.Listener, error) {
	var err error
	if f.trusted, err = proxiesOf(f.proxies); err != nil {
		return nil, usage(c, "%v", err)
	}
	if err := f.readToken(c); err != nil {
		return nil, err
	}
	if len(f.trusted) > 0 && f.token == "" {
		return nil, usage(c, "--trusted-proxies: wanted a token as well: behind a proxy everyone may connect")
	}
	settings, err := f.tls(c)
	if err != nil {
		return nil, err
	}
	l, err := ui.Listen(f.addr, f.token)
	if address := new(ui.AddressError); errors.As(err, &address) {
		return nil, usage(c, "%v", err)
	} else if err != nil {
		return nil, err
	}
	if settings != nil {
		return tls.NewListener(l, settings), nil
	}
	if !ipOf(l.Addr()).IsLoopback() && len(f.trusted) == 0 && !f.plainHTTP {
		fmt.Fprintf(c.ErrOrStderr(), "warning: --addr %s: other machines are served plain HTTP, and whoever is on the way can read the token: "+
			"wanted --tls-cert and --tls-key, --trusted-proxies if a proxy has TLS, or --plain-http to accept it\n", f.addr)
	}
	return l, nil
}

// readToken sets the token from the file or the environment, if --token is not given.
func (f *accessFlags) readToken(c *cobra.Command) error {
	given, source := c.Flags().Changed, "--token"
	switch {
	case given("token") && given("token-file"):
		return usage(c, "--token and --token-file, wanted one of the two")
	case given("token-file"):
		b, err := readShort(f.tokenFile)
		if err != nil {
			return fmt.Errorf("--token-file: %w", err)
		}
		f.token, source = strings.TrimRight(string(b), "\r\n"), "--token-file "+f.tokenFile
	case !given("token"):
		if f.token = os.Getenv(tokenVariable); f.token == "" {
			return nil
		}
		source = tokenVariable
	}
	if err := ui.CheckToken(f.token); err != nil {
		return usage(c, "%s: %v", source, err)
	}
	return nil
}

// readShort reads a file of at most 4 KiB: what is longer is no token.
func readShort(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, 4<<10+1))
	if err == nil && len(b) > 4<<10 {
		err = fmt.Errorf("%s is longer than 4 KiB, wanted a token", name)
	}
	return b, err
}

// tls returns the settings for HTTPS, nil for plain HTTP. Only HTTP/1.1 is offered: the bounds on connections
// count one request at a time for each, and a WebSocket needs it.
func (f *accessFlags) tls(c *cobra.Command) (*tls.Config, error) {
	if f.tlsCert == "" && f.tlsKey == "" {
		return nil, nil
	}
	if f.tlsCert == "" || f.tlsKey == "" {
		return nil, usage(c, "--tls-cert and --tls-key: wanted both, or neither")
	}
	certificate, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
	if err != nil {
		return nil, usage(c, "--tls-cert %s, --tls-key %s: %v", f.tlsCert, f.tlsKey, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

// urls returns the addresses under which a listener can be opened, the best first. One that listens at all
// addresses has those of this machine's network interfaces.
func (f *accessFlags) urls(l net.Listener) (all []string) {
	scheme := "http"
	if f.tlsCert != "" {
		scheme = "https"
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, ip := range f.hosts(ipOf(l.Addr())) {
		all = append(all, scheme+"://"+net.JoinHostPort(ip.String(), port)+"/")
	}
	return all
}

// hosts returns the addresses of this machine at which a listener at an address can be reached, those of IPv4
// first; a loopback address if there is no other.
func (f *accessFlags) hosts(at netip.Addr) (all []netip.Addr) {
	if !at.IsUnspecified() {
		return []netip.Addr{at}
	}
	interfaces, _ := net.InterfaceAddrs() // without them: the loopback address
	for _, a := range interfaces {
		p, err := netip.ParsePrefix(a.String())
		if ip := p.Addr().Unmap(); err == nil && ip.IsGlobalUnicast() && (ip.Is4() || at.Is6()) {
			all = append(all, ip)
		}
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	if len(all) == 0 {
		all = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return all
}

func ipOf(a net.Addr) netip.Addr {
	at, _ := netip.ParseAddrPort(a.String()) // a listener's address is one
	return at.Addr().Unmap()
}

// proxiesOf parses --trusted-proxies: addresses, or blocks of them.
func proxiesOf(written []string) (all []netip.Prefix, err error) {
	for _, text := range written {
		p, err := netip.ParsePrefix(text)
		if ip, wrong := netip.ParseAddr(text); wrong == nil {
			p, err = ip.Prefix(ip.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies %q: wanted addresses such as 10.0.0.5 or 10.0.0.0/8", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
