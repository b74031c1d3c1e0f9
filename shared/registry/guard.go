package registry

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// errOffLimits is the refusal to connect. The address is not in it: what a name
// means in a private network is not for everybody to know.
var errOffLimits = errors.New("the address is off limits")

// NewGuardedClient makes a client for hosts that a stranger chooses. It connects
// to public addresses alone or, where asked, to those of private networks and
// of this machine, too; never to link-local ones, where clouds keep their
// metadata and the credentials in it. Addresses are judged when they are
// connected to, so that neither a name that changes its address, nor a realm,
// nor a redirect leads elsewhere. It takes no proxy: that would connect in its
// place.
func NewGuardedClient(authorities Authorities, private bool) *Client {
	return WithTransport(newTransport(authorities, guarded(func(address netip.Addr) bool {
		return isPublic(address) || private && isPrivate(address)
	})))
}

// guarded makes a dialer for the addresses that are allowed; IPv4 ones are asked
// for as such, however they were written.
func guarded(allowed func(netip.Addr) bool) net.Dialer {
	return net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		// The resolved one: net.Dialer gives no names here.
		target, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(target.Addr().Unmap()) {
			return errOffLimits
		}
		return nil
	}}
}

var (
	// globalUnicast is all that IANA has given out for the IPv6 internet.
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// special are the ranges of IANA's special-purpose address registries that
	// belong to no single host on the internet, or lead to an IPv4 address that is
	// hidden in them (6to4 and its relays, Teredo). Of IPv6 only what is global
	// unicast needs to be here; NAT64 and IPv4-compatible addresses are not.
	special = prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	)
	// private are those of private networks (RFC 1918, RFC 6598, which VPCs may
	// have as well, and RFC 4193) and of this machine.
	private = prefixes(
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7",
		"127.0.0.0/8", "::1/128",
	)
	// amazonLocal holds EC2's instance metadata, name server and clock (fd00:ec2::254
	// and the like), beside 169.254.0.0/16.
	amazonLocal = netip.MustParsePrefix("fd00:ec2::/32")
)

func isPublic(address netip.Addr) bool {
	return address.IsValid() && (address.Is4() || globalUnicast.Contains(address)) && !within(special, address)
}

func isPrivate(address netip.Addr) bool {
	return within(private, address) && !amazonLocal.Contains(address)
}

func within(ranges []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

func prefixes(texts ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}
