// Package agentstart starts the real ECS agent with one environment after the
// other and says how each start-up ends. The agent runs as ecs-init would run
// it, in its own root with ecs-init's mounts and in its own network,
// where Docker, the instance metadata service, the AWS APIs and a proxy are
// played. It needs root and Linux.
package agentstart

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Ending is how a start-up ended.
type Ending struct {
	// Kind is registered, exit, stuck or refused (exec did not take the
	// environment).
	Kind string `json:"kind"`
	// Code is the exit code, Cluster the one that was registered with.
	Code    int    `json:"code,omitempty"`
	Cluster string `json:"cluster,omitempty"`
	// Refused says why ECS would refuse the registration, "" where it would not.
	Refused string `json:"refused,omitempty"`
	// Log is the end of what the agent printed.
	Log string `json:"log,omitempty"`
}

// Fails reports whether the instance does not register.
func (e Ending) Fails() bool { return e.Kind != "registered" || e.Refused != "" }

func (e Ending) String() string {
	switch {
	case e.Refused != "":
		return "refused by ECS: " + e.Refused
	case e.Kind == "exit":
		return fmt.Sprintf("exit code %d", e.Code)
	case e.Kind == "registered":
		return "registered with " + e.Cluster
	}
	return e.Kind
}

// World is the surroundings of one agent at a time. Enter must have been called
// in this process.
type World struct {
	root       string
	authority  *authority
	registered chan Ending
	mu         sync.Mutex
	proxyOnly  bool
}

// patience bounds one start-up. The slowest that ends by itself waits for its
// retries of the instance metadata service.
const patience = 25 * time.Second

// New lays the root out below a directory, with the agent's binary and the
// program that plays its CNI plugins, and starts what the agent talks to.
func New(directory, agent, plugin string) (*World, error) {
	w := &World{root: filepath.Join(directory, "root"), registered: make(chan Ending, 16)}
	var err error
	if w.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	if err := w.layOut(agent, plugin); err != nil {
		return nil, fmt.Errorf("lay the agent's root out: %w", err)
	}
	if err := w.serve(); err != nil {
		return nil, fmt.Errorf("play the agent's surroundings: %w", err)
	}
	return w, nil
}

// directories are those of the agent's container: ecs-init's mounts and the
// image's own.
var directories = []string{
	"/var/run", "/log/exec", "/data", "/etc/ecs", "/var/cache/ecs", "/sys/fs/cgroup", "/var/lib/ecs/data", "/etc/pki/tls/certs",
	"/run/docker/plugins", "/etc/docker/plugins", "/usr/lib/docker/plugins", "/managed-agents", "/host/proc", "/host/sbin", "/usr/lib", "/lib",
	"/usr/lib64", "/lib64", "/etc/alternatives", "/usr/sbin", "/usr/bin", "/tmp", "/images", "/amazon-ecs-cni-plugins", "/etc/ssl/certs", "/proc/sys/net/ipv4", "/dev",
	// What an administrator must have made where the findings say so.
	"/etc/ecs/data", "/var/lib/ecs/cni",
}

func (w *World) layOut(agent, plugin string) error {
	for _, directory := range directories {
		if err := os.MkdirAll(w.root+directory, 0o755); err != nil {
			return err
		}
	}
	// Agents side by side share the pages of one binary where a link is possible.
	if os.Link(agent, w.root+"/agent") != nil {
		if err := copyFile(agent, w.root+"/agent"); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{"/proc/meminfo": "/proc/meminfo", "/proc/cpuinfo": "/proc/cpuinfo", "/proc/stat": "/proc/stat"} {
		if err := copyFile(from, w.root+to); err != nil {
			return err
		}
	}
	for _, name := range []string{"vpc-eni", "ecs-bridge", "ecs-ipam", "aws-appmesh", "vpc-branch-eni", "ecs-eni", "ecs-serviceconnect"} {
		for _, directory := range []string{"/amazon-ecs-cni-plugins/", "/var/lib/ecs/cni/"} {
			if err := copyFile(plugin, w.root+directory+name); err != nil {
				return err
			}
		}
	}
	hosts := "127.0.0.1 localhost proxy.example.com proxy\n"
	for _, region := range Regions {
		hosts += "127.0.0.1"
		for _, name := range []string{"ecs.%s.amazonaws.com", "ecs-fips.%s.amazonaws.com", "ecs.%s.api.aws", "ecs-fips.%s.api.aws", "ec2.%s.amazonaws.com", "ec2.%s.api.aws", "ec2-fips.%s.amazonaws.com", "sts.%s.amazonaws.com", "vpce-1.ecs.%s.vpce.amazonaws.com"} {
			hosts += " " + fmt.Sprintf(name, region)
		}
		hosts += "\n"
	}
	for name, content := range map[string]string{
		"/etc/hosts": hosts, "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", "/images/amazon-ecs-pause.tar": "played",
		"/etc/ssl/certs/ca-certificates.crt": w.authority.pem, "/etc/pki/tls/certs/ca-bundle.crt": w.authority.pem, "/etc/ecs/ca.pem": w.authority.pem, "/etc/ecs/aws": "[default]\n[profile ops]\nregion = us-east-1\n",
		"/etc/os-release": "ID=amzn\nVERSION_ID=2023\n", "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
		"/proc/sys/crypto": "", "/dev/null": "", "/etc/ecs/token": "played",
	} {
		if err := os.WriteFile(w.root+name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Regions are those that have an ECS endpoint here.
var Regions = []string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1", "us-gov-west-1"}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}

// Run starts the agent once. proxyOnly cuts the AWS APIs off from all but the
// proxy, as in a network for which a proxy is set.
func (w *World) Run(environment map[string]string, proxyOnly bool) (Ending, error) {
	w.mu.Lock()
	w.proxyOnly = proxyOnly
	w.mu.Unlock()
	for len(w.registered) > 0 {
		<-w.registered
	}
	if err := w.tidy(); err != nil {
		return Ending{}, err
	}
	for _, directory := range []string{"/data", "/log", "/var/lib/ecs/data", "/etc/ecs/data", "/tmp"} {
		if err := empty(w.root + directory); err != nil {
			return Ending{}, err
		}
	}
	var log tail
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/agent")
	cmd.Dir = "/"
	cmd.Env = []string{}
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: w.root, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		return Ending{Kind: "refused", Log: err.Error()}, nil
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case ending := <-w.registered:
		cancel()
		<-exited
		ending.Log = log.String()
		return ending, nil
	case err := <-exited:
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return Ending{Kind: "stuck", Log: log.String()}, nil
		case errors.As(err, &exit):
			return Ending{Kind: "exit", Code: exit.ExitCode(), Log: log.String()}, nil
		}
		return Ending{Kind: "exit", Log: log.String()}, nil
	}
}

// tidy removes what the last agent left at the top of its root, where relative
// paths start.
func (w *World) tidy() error {
	entries, err := os.ReadDir(w.root)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !slices.ContainsFunc(append(directories, "/agent"), func(directory string) bool {
			return directory == "/"+entry.Name() || strings.HasPrefix(directory, "/"+entry.Name()+"/")
		}) {
			if err := os.RemoveAll(filepath.Join(w.root, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func empty(directory string) error {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(directory, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// tail keeps the end of a log.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 4096 {
		t.text = append([]byte(nil), t.text[len(t.text)-2048:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// serve starts what the agent talks to.
func (w *World) serve() error {
	socket, err := net.Listen("unix", w.root+"/var/run/docker.sock")
	if err != nil {
		return err
	}
	tcpDocker, err := net.Listen("tcp", "127.0.0.1:2375")
	if err != nil {
		return err
	}
	metadata, err := net.Listen("tcp", "169.254.169.254:80")
	if err != nil {
		return err
	}
	apis, err := net.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		return err
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:3128")
	if err != nil {
		return err
	}
	go serveHTTP(socket, http.HandlerFunc(docker))
	go serveHTTP(tcpDocker, http.HandlerFunc(docker))
	go serveHTTP(metadata, http.HandlerFunc(instanceMetadata))
	go serveHTTP(tls.NewListener(apis, &tls.Config{GetCertificate: w.authority.certificate}), http.HandlerFunc(w.api))
	go serveHTTP(proxy, http.HandlerFunc(w.proxy))
	return nil
}

func serveHTTP(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ErrorLog: nil}
	_ = server.Serve(listener)
}

// docker plays the Docker daemon as far as a start-up asks it.
func docker(writer http.ResponseWriter, request *http.Request) {
	path := request.URL.Path
	if strings.HasPrefix(path, "/v1.") {
		_, path, _ = strings.Cut(path[1:], "/")
		path = "/" + path
	}
	writer.Header().Set("Api-Version", "1.44")
	writer.Header().Set("Content-Type", "application/json")
	switch {
	case path == "/_ping":
		fmt.Fprint(writer, "OK")
	case path == "/version":
		fmt.Fprint(writer, `{"Version":"25.0.6","ApiVersion":"1.44","MinAPIVersion":"1.17","Os":"linux","Arch":"amd64"}`)
	case path == "/info":
		fmt.Fprint(writer, `{"ID":"played","ServerVersion":"25.0.6","OSType":"linux","Plugins":{"Volume":["local"]},"SecurityOptions":[]}`)
	case path == "/images/load":
		_, _ = io.Copy(io.Discard, request.Body)
		fmt.Fprint(writer, `{"stream":"Loaded image"}`)
	case strings.HasPrefix(path, "/images/") && strings.HasSuffix(path, "/json") && path != "/images/json":
		fmt.Fprint(writer, `{"Id":"sha256:0000000000000000000000000000000000000000000000000000000000000000","RepoTags":[],"Size":1}`)
	case path == "/plugins", path == "/containers/json", path == "/images/json":
		fmt.Fprint(writer, `[]`)
	case path == "/events":
		<-request.Context().Done()
	default:
		writer.WriteHeader(http.StatusNotFound)
		fmt.Fprint(writer, `{"message":"not played"}`)
	}
}

const mac = "0a:00:00:00:00:01"

// instanceMetadata plays the instance metadata service of an instance with a
// role in us-east-1.
func instanceMetadata(writer http.ResponseWriter, request *http.Request) {
	answers := map[string]string{
		"/latest/api/token":                                                   "played",
		"/latest/dynamic/instance-identity/document":                          `{"region":"us-east-1","accountId":"123456789012","instanceId":"i-00000000000000001","instanceType":"m5.large","availabilityZone":"us-east-1a"}`,
		"/latest/dynamic/instance-identity/signature":                         "played",
		"/latest/meta-data/instance-id":                                       "i-00000000000000001",
		"/latest/meta-data/mac":                                               mac,
		"/latest/meta-data/network/interfaces/macs/" + mac + "/vpc-id":        "vpc-00000000000000001",
		"/latest/meta-data/network/interfaces/macs/" + mac + "/subnet-id":     "subnet-00000000000000001",
		"/latest/meta-data/placement/region":                                  "us-east-1",
		"/latest/meta-data/placement/availability-zone-id":                    "use1-az1",
		"/latest/meta-data/placement/availability-zone":                       "us-east-1a",
		"/latest/meta-data/autoscaling/target-lifecycle-state":                "InService",
		"/latest/meta-data/iam/security-credentials/":                         "ecsInstanceRole",
		"/latest/meta-data/iam/security-credentials":                          "ecsInstanceRole",
		"/latest/meta-data/iam/security-credentials/ecsInstanceRole":          `{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"PLAYED","SecretAccessKey":"played","Token":"played","Expiration":"2099-01-01T00:00:00Z"}`,
		"/latest/meta-data/iam/security-credentials-extended/":                "ecsInstanceRole",
		"/latest/meta-data/iam/security-credentials-extended/ecsInstanceRole": `{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"PLAYED","SecretAccessKey":"played","Token":"played","Expiration":"2099-01-01T00:00:00Z"}`,
	}
	answer, ok := answers[request.URL.Path]
	if !ok {
		writer.WriteHeader(http.StatusNotFound)
		return
	}
	writer.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
	fmt.Fprint(writer, answer)
}

// api plays ECS and EC2. It takes a registration as the ECS API Reference says.
func (w *World) api(writer http.ResponseWriter, request *http.Request) {
	w.mu.Lock()
	cutOff := w.proxyOnly && request.Header.Get("X-Through-Proxy") == "" && !throughProxy.has(request.RemoteAddr)
	w.mu.Unlock()
	if cutOff {
		panic(http.ErrAbortHandler)
	}
	body, _ := io.ReadAll(request.Body)
	writer.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	signed := strings.HasPrefix(request.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	switch {
	case strings.HasPrefix(request.Host, "ec2"):
		writer.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(writer, `<DescribeTagsResponse><tagSet/></DescribeTagsResponse>`)
	case signed && !slices.ContainsFunc(Regions, func(region string) bool {
		return strings.Contains(request.Header.Get("Authorization"), "/"+region+"/")
	}):
		refuse(writer, "InvalidSignatureException", "Credential should be scoped to a valid region.")
	case !signed:
		refuse(writer, "MissingAuthenticationTokenException", "played")
	case operation == "RegisterContainerInstance":
		var input registration
		if err := json.Unmarshal(body, &input); err != nil {
			refuse(writer, "ClientException", err.Error())
			return
		}
		ending := Ending{Kind: "registered", Cluster: input.Cluster, Refused: input.fault()}
		w.registered <- ending
		if ending.Refused != "" {
			refuse(writer, "InvalidParameterException", ending.Refused)
			return
		}
		fmt.Fprintf(writer, `{"containerInstance":{"containerInstanceArn":"arn:aws:ecs:us-east-1:123456789012:container-instance/prod/played","attributes":[]}}`)
	default:
		fmt.Fprint(writer, `{}`)
	}
}

func refuse(writer http.ResponseWriter, code, message string) {
	writer.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(writer).Encode(map[string]string{"__type": code, "message": message})
}

// tunnels are the addresses from which the proxy calls the APIs.
type tunnels struct {
	mu        sync.Mutex
	addresses map[string]bool
}

var throughProxy = tunnels{addresses: map[string]bool{}}

func (t *tunnels) add(address string) { t.mu.Lock(); t.addresses[address] = true; t.mu.Unlock() }
func (t *tunnels) has(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addresses[address]
}

// proxy plays a proxy that reaches the AWS APIs and, as proxies do, not the
// instance metadata service of its clients.
func (w *World) proxy(writer http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodConnect {
		http.Error(writer, "not reachable from the proxy", http.StatusBadGateway)
		return
	}
	backend, err := net.Dial("tcp", "127.0.0.1:443")
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadGateway)
		return
	}
	throughProxy.add(backend.LocalAddr().String())
	hijacker, _ := writer.(http.Hijacker)
	client, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	fmt.Fprint(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(backend, client); _ = backend.Close() }()
	_, _ = io.Copy(client, backend)
	_ = client.Close()
}

// authority signs a certificate for each name that is asked for.
type authority struct {
	certificateOf *x509.Certificate
	key           *ecdsa.PrivateKey
	pem           string
	mu            sync.Mutex
	known         map[string]*tls.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "played"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	return &authority{certificateOf: certificate, key: key, known: map[string]*tls.Certificate{}, pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))}, nil
}

func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.known[hello.ServerName]; known != nil {
		return known, nil
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{hello.ServerName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificateOf, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	a.known[hello.ServerName] = &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: a.key}
	return a.known[hello.ServerName], nil
}
