package ecsconfig

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// checkDockerHost follows docker/client ParseHostURL and
// ecs-init/config/common.go DockerUnixSocket.
func checkDockerHost(_ *judge, v *Variable, value string) []problem {
	scheme, address, found := strings.Cut(value, "://")
	p := problem{code: codeDockerHost, severity: Restarts.severity(), effect: Restarts.sentence(), fix: "Delete the line: the agent finds Docker at " + v.Default + "."}
	switch {
	case !found || address == "":
		p.fact = v.is(value) + " has no scheme, such as unix://."
		if strings.HasPrefix(value, "/") {
			p.fact = v.is(value) + " has no scheme. It must begin with unix://."
			p.value, p.sure = "unix://"+value, true
		}
	case scheme == "npipe":
		p.fact = "A named pipe in " + v.Name + " works on Windows only."
	case scheme == "unix" && !strings.HasPrefix(address, "/"):
		// ecs-init binds the path into the container (docker.go getDockerSocketBind).
		p.fact, p.effect = v.is(value)+" has a relative path after unix://.", NotCreated.sentence()
		if path.Base(address) == "docker.sock" {
			p.value, p.sure = "unix:///"+address, true
		}
	case scheme == "unix":
		return nil
	case !canBeDialed(scheme, address):
		p.fact = v.Name + " has no host to connect to after " + scheme + "://."
		if !isPublic(scheme) {
			p.fact = v.Name + " has no host to connect to."
		}
		if strings.EqualFold(strings.TrimSpace(scheme), "unix") && strings.EqualFold(address, "/var/run/docker.sock") {
			p.fact = "The scheme in " + v.Name + " is not unix, in lower case and without a space, so the agent takes the path for a host."
			p.value, p.sure = "unix:///var/run/docker.sock", true
		}
	default:
		p.severity = finding.Warning
		p.fact = v.Name + " is not a unix:// address, and ecs-init ignores it."
		p.effect = "Only the agent connects to it, without TLS. If Docker doesn't listen there, the agent never starts."
		p.fix = "Write " + v.Name + "=unix:///var/run/docker.sock, or delete the line."
	}
	return one(p)
}

// canBeDialed says that an address could be one of a Docker daemon. docker/client
// takes every scheme but unix and npipe for TCP, and parses the address for tcp
// only.
func canBeDialed(scheme, address string) bool {
	if scheme == "tcp" {
		parsed, err := url.Parse("tcp://" + address)
		if err != nil {
			return false
		}
		address = parsed.Host
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return isHost(strings.Trim(address, "[]"))
	}
	return (host == "" || isHost(host)) && isPort(port)
}

// checkBackendHost is for the endpoint of the ECS API, to which the agent adds
// https:// if it has no scheme (ecs-agent/utils AddScheme).
func checkBackendHost(_ *judge, v *Variable, value string) []problem {
	return checkEndpoint(v, strings.TrimSpace(value), true)
}

// checkURL is for endpoints of AWS APIs.
func checkURL(_ *judge, v *Variable, value string) []problem { return checkEndpoint(v, value, false) }

// checkEndpoint wants a URL with a host, or a bare host.
func checkEndpoint(v *Variable, value string, bare bool) []problem {
	address := value
	if bare && !strings.Contains(address, "://") {
		address = "https://" + address
	}
	parsed, err := url.Parse(address)
	if err == nil && slices.Contains([]string{"http", "https"}, parsed.Scheme) && isHost(parsed.Hostname()) {
		return nil
	}
	p := problem{code: codeEndpoint, severity: Restarts.severity(), fact: v.Name + " is not a URL with http:// or https:// and a host name.", effect: "The agent can't call the API. " + Restarts.sentence(),
		fix: "Write a URL such as " + v.Name + "=https://ecs.us-east-1.amazonaws.com, or delete the line."}
	if bare {
		p.fact = v.Name + " is not a host name or a URL with one."
	}
	return one(p)
}

var hostName = lazyregexp.New(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)

// isHost says that a text is a host name or an IP address.
func isHost(text string) bool { return hostName.MatchString(text) || net.ParseIP(text) != nil }

var otherScheme = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// proxyExample is an address that passes its own check.
const proxyExample = "http://proxy.example.com:3128"

// checkProxy follows ecs-agent/utils/httpproxy/proxy.go parseProxy: http:// goes
// before a value without a scheme that it knows, and a value that can't be
// parsed is ignored.
func checkProxy(_ *judge, v *Variable, value string) []problem {
	p := problem{code: codeProxy, severity: CutOff.severity(), effect: "Where the network leads through the proxy, the agent can't reach the AWS APIs, and the instance never joins.",
		fix: "Write an address such as " + v.Name + "=" + proxyExample}
	proxy, err := url.Parse(value)
	known := err == nil && slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme)
	if err == nil && !known && otherScheme.MatchString(value) {
		p.fact = v.Name + " has a scheme other than http, https and socks5."
		return one(p)
	}
	if !known && !otherScheme.MatchString(value) {
		// A broken address with a scheme gets another one before it, too, and the
		// scheme becomes the host.
		proxy, err = url.Parse("http://" + value)
	}
	var escape url.EscapeError
	switch {
	case errors.As(err, &escape):
		p.fact = v.Name + " has a % that is not part of an escape such as %40."
		p.fix = "Write each % in the user name or the password as %25, and each @ as %40."
	case err != nil && strings.Contains(err.Error(), "invalid port"):
		p.fact = v.Name + " has a port that is not a number."
		p.fix = "Write the port as a number, such as " + v.Name + "=" + proxyExample
		if strings.Contains(value, "@") || strings.Count(value, ":") > 2 {
			p.fix += " and escape special characters in the password: / as %2F, ? as %3F, # as %23."
		}
	case err != nil && strings.Contains(err.Error(), "invalid userinfo"):
		p.fact = v.Name + " has a character in its user name or password that must be escaped."
		p.fix = "Escape special characters in the user name and the password, such as / as %2F, @ as %40."
	case err != nil:
		p.fact = v.Name + " is not a proxy address."
	case proxy.Hostname() == "":
		p.fact = v.Name + " has no host."
	case !isHost(proxy.Hostname()):
		p.fact = v.Name + " has a host that is not a host name."
	case !isPort(proxy.Port()):
		p.fact = v.Name + " has a port that is not between 1 and 65535."
		p.fix = "Write the port as a number, such as " + v.Name + "=" + proxyExample
	default:
		if _, password := proxy.User.Password(); password {
			return one(problem{code: codeProxyPassword, severity: finding.Info, fact: v.Name + " has a password.", effect: "Everyone who may read the file or run docker inspect can read it.",
				fix: "Let the proxy recognize its clients by their addresses."})
		}
		return nil
	}
	return one(p)
}

func isPort(text string) bool {
	if text == "" {
		return true
	}
	port := 0
	for _, digit := range text {
		port = min(port*10+int(digit-'0'), 1<<20)
	}
	return port > 0 && port < 1<<16
}

// metadataAddress is where the agent asks for its Region and its credentials.
const metadataAddress = "169.254.169.254"

// proxyForHTTP judges the proxy of plain http, through which the agent would
// ask the instance metadata service. A proxy for https gets none of its
// requests: only the AWS APIs are https.
func proxyForHTTP(j *judge, v *Variable, a Assignment) {
	other := map[string]string{"http_proxy": "HTTP_PROXY"}[v.Name]
	if other != "" && j.file.value(other) != "" || j.enabled("ECS_EXTERNAL") || isBypassed(cmp.Or(j.file.value("NO_PROXY"), j.file.value("no_proxy")), metadataAddress) {
		return
	}
	p := problem{code: codeProxyExceptions, severity: Restarts.severity(),
		fact:   v.Name + " sends requests to the instance metadata service (" + metadataAddress + ") through the proxy, because NO_PROXY doesn't name it.",
		effect: "The agent gets neither its Region nor its credentials. " + Restarts.sentence(),
		fix:    "Write NO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock"}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if exceptions := strings.TrimRight(j.file.value(name), ", "); exceptions != "" && isPublic(exceptions) {
			p.fix = "Write " + name + "=" + exceptions + "," + metadataAddress
			break
		}
	}
	j.add(a.Line, a.Column, v.Name, p)
}

// isBypassed says that NO_PROXY keeps an IP address from the proxy
// (ecs-agent/utils/httpproxy/proxy.go useProxy).
func isBypassed(exceptions, address string) bool {
	wanted := netip.MustParseAddr(address)
	for entry := range strings.SplitSeq(exceptions, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "*" {
			return true
		}
		if network, err := netip.ParsePrefix(entry); err == nil && network.Contains(wanted) {
			return true
		}
		host := strings.TrimSuffix(entry, ":80")
		if parsed, err := netip.ParseAddr(host); err == nil && parsed == wanted {
			return true
		}
	}
	return false
}

// lowerCaseProxy says that the upper-case name comes first.
func lowerCaseProxy(j *judge, v *Variable, a Assignment) {
	upper := strings.ToUpper(v.Name)
	if j.file.value(upper) == "" {
		return
	}
	j.add(a.Line, a.Column, v.Name, problem{code: codeNoEffect, severity: finding.Warning,
		fact: v.Name + " has no effect, because " + upper + " is set too and comes first.", fix: "Delete one of the two lines."})
}
