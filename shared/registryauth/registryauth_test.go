package registryauth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registryauth"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func basic(credential string) string { return base64.StdEncoding.EncodeToString([]byte(credential)) }

// summary writes what was read in one line: "name user:password" of each
// registry, then "kind registry" of each fault.
func summary(data registryauth.Data) string {
	var parts []string
	for _, r := range data.Registries {
		parts = append(parts, fmt.Sprintf("%s %s:%s", r.Name, r.Username, r.Password.Reveal()))
	}
	for _, f := range data.Faults {
		parts = append(parts, strings.TrimSpace(string(f.Kind)+" "+f.Registry))
	}
	return strings.Join(parts, "; ")
}

func TestParse(t *testing.T) {
	tests := map[string]struct{ authType, data, want string }{
		"nothing":                     {"", "", ""},
		"docker":                      {"docker", `{"r.tld":{"username":"u","password":"p","email":"e"}}`, "r.tld u:p"},
		"dockercfg":                   {"dockercfg", `{"r.tld":{"auth":"` + basic("u:p") + `"}}`, "r.tld u:p"},
		"scheme is taken off":         {"docker", `{"https://r.tld":{"username":"u","password":"p"}}`, "r.tld u:p"},
		"password holds a colon":      {"dockercfg", `{"r.tld":{"auth":"` + basic("u:p:q") + `"}}`, "r.tld u:p:q"},
		"base64 over two lines":       {"dockercfg", `{"r.tld":{"auth":"dTpw\nMQ=="}}`, "r.tld u:p1"},
		"base64 with loose bits":      {"dockercfg", `{"r.tld":{"auth":"dTpwMR=="}}`, "r.tld u:p1"},
		"base64 with a space":         {"dockercfg", `{"r.tld":{"auth":"dTpw MQ=="}}`, "not-base64 r.tld"},
		"URL-safe base64":             {"dockercfg", `{"r.tld":{"auth":"dTo_-w=="}}`, "not-base64 r.tld"},
		"one good, one bad":           {"dockercfg", `{"a.tld":{"auth":"x"},"b.tld":{"auth":"dTpw"}}`, "b.tld u:p; not-base64 a.tld"},
		"auth is empty":               {"dockercfg", `{"r.tld":{"auth":""}}`, "no-colon r.tld"},
		"auth is null":                {"dockercfg", `{"r.tld":{"auth":null}}`, "no-colon r.tld"},
		"only an email":               {"dockercfg", `{"r.tld":{"email":"e"}}`, "no-colon r.tld"},
		"last field wins":             {"docker", `{"r.tld":{"username":"a","password":"p","USERNAME":"b"}}`, "r.tld b:p"},
		"null leaves the field":       {"docker", `{"r.tld":{"username":"a","password":"p","Username":null}}`, "r.tld a:p"},
		"escapes":                     {"docker", `{"r.t\u006cd":{"user\u006eame":"\u0075","password":"\"\\"}}`, `r.tld u:"\`},
		"no type":                     {"", `{"r.tld":{"username":"u","password":"p"}}`, "type-missing"},
		"unknown type":                {"Docker", `{"r.tld":{"username":"u","password":"p"}}`, "type-unknown"},
		"unknown type alone":          {"Docker", ``, "type-unknown"},
		"no data":                     {"docker", " ", "data-missing"},
		"null":                        {"docker", "null", "empty"},
		"empty object":                {"dockercfg", " {} ", "empty"},
		"cut off":                     {"docker", `{"r.tld":{"username":"u"`, "not-json"},
		"text after it":               {"docker", `{"r.tld":{"username":"u","password":"p"}} x`, "not-json"},
		"password is a number":        {"docker", `{"r.tld":{"username":"u","password":1}}`, "wrong-type r.tld"},
		"email is a number":           {"docker", `{"r.tld":{"username":"u","password":"p","email":1}}`, "wrong-type r.tld"},
		"email is no one's business":  {"dockercfg", `{"r.tld":{"auth":"dTpw","email":1}}`, "r.tld u:p"},
		"list":                        {"docker", `[]`, "wrong-type"},
		"entry is text":               {"docker", `{"r.tld":"x"}`, "wrong-type r.tld"},
		"entry is null":               {"docker", `{"r.tld":null}`, "r.tld :; no-username r.tld"},
		"no registry":                 {"docker", `{"username":"u","password":"p"}`, "no-registry"},
		"wrapper":                     {"dockercfg", `{"auths":{"r.tld":{"auth":"dTpw"}},"credsStore":"x"}`, "wrapper"},
		"wrapper, docker's settings":  {"dockercfg", `{"auths":{"r.tld":{"auth":"dTpw"}},"HttpHeaders":{"User-Agent":"Docker-Client"}}`, "wrapper"},
		"wrapper beside":              {"dockercfg", `{"auths":{"r.tld":{"auth":"dTpw"}},"s.tld":{"auth":"dTpw"}}`, "s.tld u:p; wrapper-beside"},
		"wrapper beside a number":     {"docker", `{"auths":{"r.tld":{}},"s.tld":{"username":1}}`, "wrong-type s.tld"},
		"registry called auths":       {"docker", `{"auths":{"username":"u","password":"p"}}`, "auths u:p; never-matches auths"},
		"shape of dockercfg":          {"docker", `{"r.tld":{"auth":"dTpw"}}`, "r.tld :; shape r.tld"},
		"shape of docker":             {"dockercfg", `{"r.tld":{"username":"u","password":"p"}}`, "shape r.tld"},
		"no user":                     {"docker", `{"r.tld":{"password":"p"}}`, "r.tld :p; no-username r.tld"},
		"no password":                 {"docker", `{"r.tld":{"username":"u"}}`, "r.tld u:; no-password r.tld"},
		"identity token":              {"docker", `{"r.tld":{"identitytoken":"t"}}`, "r.tld :"},
		"newline":                     {"docker", `{"r.tld":{"username":"u","password":"p\n"}}`, "r.tld u:p\n; password-newline r.tld"},
		"Google's key file":           {"docker", `{"gcr.io":{"username":"_json_key","password":"{}\n"}}`, "gcr.io _json_key:{}\n"},
		"duplicate key":               {"docker", `{"r.tld":{"username":"a","password":"p"},"r.tld":{"username":"b","password":"p"}}`, "r.tld b:p; duplicate-key r.tld"},
		"dollar in a password":        {"docker", `{"r.tld":{"username":"u","password":"$PASSw0rd"}}`, "r.tld u:$PASSw0rd"},
		"placeholder":                 {"docker", `{"r.tld":{"username":"u","password":"$PASSWORD"}}`, "r.tld u:$PASSWORD; placeholder r.tld"},
		"key with a credential in it": {"docker", `{"u:hunter2@r.tld":{"username":"u","password":"p"}}`, "u:hunter2@r.tld u:p; never-matches a registry"},
		"data is not UTF-8":           {"docker", "{\"r.tld\":{\"username\":\"u\",\"password\":\"\xff\"}}", "r.tld u:\ufffd"},
		"ECR":                         {"docker", `{"123456789012.dkr.ecr.eu-west-1.amazonaws.com":{"username":"AWS","password":"p"}}`, "123456789012.dkr.ecr.eu-west-1.amazonaws.com AWS:p; ecr 123456789012.dkr.ecr.eu-west-1.amazonaws.com"},
		"ECR, FIPS":                   {"docker", `{"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com":{"username":"AWS","password":"p"}}`, "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com AWS:p; ecr 123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := summary(registryauth.Parse(test.authType, []byte(test.data), 0)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// lookUp is how the agent finds the credential for an image, with the worst
// luck: among keys of which it takes a random one, it takes none.
func lookUp(image string, registries []registryauth.Registry) (found string) {
	keys := map[string]bool{}
	for _, r := range registries {
		keys[r.Name] = true
	}
	first, _, rest := strings.Cut(image, "/")
	if !rest || (!strings.ContainsAny(first, ".:") && first != "localhost") {
		first = "docker.io"
	}
	if slices.Contains([]string{"docker.io", "index.docker.io", "registry-1.docker.io"}, first) {
		if keys["index.docker.io/v1/"] {
			return "index.docker.io/v1/"
		}
		return ""
	}
	var sameHost []string
	for key := range keys {
		if host, _, _ := strings.Cut(key, "/"); host == first {
			sameHost = append(sameHost, key)
		}
	}
	if keys[first] {
		found = first
	} else if len(sameHost) == 1 {
		return sameHost[0]
	} else {
		return ""
	}
	for _, key := range sameHost {
		if len(key) > len(found) && strings.HasPrefix(image, key) {
			found = key
		}
	}
	return found
}

// TestKeys holds what is said of a key against the agent's own look-up.
func TestKeys(t *testing.T) {
	tests := map[string]struct {
		keys   []string
		image  string
		served bool
		want   string
	}{
		"Docker Hub":              {[]string{"https://index.docker.io/v1/"}, "team/app:1", true, ""},
		"Docker Hub, http":        {[]string{"http://index.docker.io/v1/"}, "app", true, ""},
		"Docker Hub, bare":        {[]string{"index.docker.io/v1/"}, "docker.io/team/app", true, ""},
		"Docker Hub, no slash":    {[]string{"https://index.docker.io/v1"}, "team/app", false, "hub-key"},
		"Docker Hub, v2":          {[]string{"https://registry-1.docker.io/v2/"}, "team/app", false, "hub-key"},
		"Docker Hub, host":        {[]string{"docker.io"}, "docker.io/team/app", false, "hub-key"},
		"Docker Hub, upper case":  {[]string{"HTTPS://index.docker.io/v1/"}, "team/app", false, "hub-key"},
		"Docker Hub, both":        {[]string{"docker.io", "https://index.docker.io/v1/"}, "team/app", true, "hub-key-spare"},
		"host":                    {[]string{"r.tld"}, "r.tld/app", true, ""},
		"host and port":           {[]string{"https://r.tld:5000"}, "r.tld:5000/app", true, ""},
		"other port":              {[]string{"r.tld:5000"}, "r.tld/app", false, ""},
		"localhost":               {[]string{"localhost"}, "localhost/app", true, ""},
		"host in upper case":      {[]string{"R.tld"}, "r.tld/app", false, "upper-case"},
		"scheme twice":            {[]string{"https://https://r.tld"}, "r.tld/app", false, "never-matches"},
		"scheme in upper case":    {[]string{"HTTPS://r.tld"}, "r.tld/app", false, "upper-case"},
		"no dot":                  {[]string{"myregistry"}, "myregistry/app", false, "never-matches"},
		"other scheme":            {[]string{"docker://r.tld"}, "r.tld/app", false, "never-matches"},
		"wildcard":                {[]string{"*.r.tld"}, "a.r.tld/app", false, "never-matches"},
		"white space":             {[]string{" r.tld"}, "r.tld/app", false, "never-matches"},
		"empty":                   {[]string{""}, "r.tld/app", false, "never-matches"},
		"trailing slash":          {[]string{"r.tld/"}, "r.tld/app", true, "trailing-slash"},
		"one path":                {[]string{"r.tld/team"}, "r.tld/other/app", true, "path-only"},
		"two paths":               {[]string{"r.tld/a", "r.tld/b"}, "r.tld/a/app", false, "paths-only paths-only"},
		"path with its host":      {[]string{"r.tld", "r.tld/team/"}, "r.tld/team/app", true, ""},
		"path without a boundary": {[]string{"r.tld", "r.tld/team"}, "r.tld/teamwork/app", true, "no-boundary"},
		"path in upper case":      {[]string{"r.tld", "r.tld/Team/"}, "r.tld/team/app", true, "path-upper-case"},
		"slash beside the host":   {[]string{"r.tld", "r.tld/"}, "r.tld/app", true, "shadowed"},
		"with and without scheme": {[]string{"r.tld", "https://r.tld"}, "r.tld/app", true, "same-registry same-registry"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var entries []string
			for _, key := range test.keys {
				quoted, _ := json.Marshal(key)
				entries = append(entries, string(quoted)+`:{"username":"u","password":"p"}`)
			}
			data := registryauth.Parse("docker", []byte("{"+strings.Join(entries, ",")+"}"), 0)
			var kinds []string
			for _, f := range data.Faults {
				kinds = append(kinds, string(f.Kind))
			}
			if got := strings.Join(kinds, " "); got != test.want {
				t.Errorf("faults %q, want %q", got, test.want)
			}
			if found := lookUp(test.image, data.Registries); (found != "") != test.served {
				t.Errorf("the agent finds %q for %s", found, test.image)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	content := `X={ "https://r.tld" :{"username":"u\u0041", "password" : "p" , "email":"e"}, "s.tld":{"auth":"dTpw"} }`
	data := registryauth.Parse("docker", []byte(content[2:]), 2)
	text := func(s registryauth.Span) string { return content[s.Start:s.End] }
	first := data.Registries[0]
	if text(first.KeySpan) != `"https://r.tld"` || text(first.UsernameSpan) != `"u\u0041"` || text(first.PasswordSpan) != `"p"` {
		t.Errorf("%s %s %s", text(first.KeySpan), text(first.UsernameSpan), text(first.PasswordSpan))
	}
	if got := text(data.Faults[0].Span); got != `"s.tld"` {
		t.Errorf("the fault is at %s", got)
	}
	for _, span := range data.Secrets {
		if !strings.Contains(`"u\u0041" "p" "e" "dTpw"`, text(span)) {
			t.Errorf("%s is no secret", text(span))
		}
	}
	if len(data.Secrets) != 4 {
		t.Errorf("%d secrets, want 4", len(data.Secrets))
	}
	broken := registryauth.Parse("docker", []byte(`{"a":}`), 10)
	if span := broken.Faults[0].Span; span.Start != 15 {
		t.Errorf("the reader stopped at %d, want 15", span.Start)
	}
	short := registryauth.Parse("docker", []byte(`{"a":`), 10)
	if span := short.Faults[0].Span; span.Start != 15 {
		t.Errorf("the reader stopped at %d, want 15", span.Start)
	}
}

func TestReplace(t *testing.T) {
	const username, password = `robot$ci`, "new \"quoted\" <p\\ss> \u00fc\n"
	for authType, content := range map[string]string{
		"docker":    "# c\r\nD= {\"r.tld\": {\"password\":\"old\",\t\"username\":\"o\\u006cd\"}, \"s.tld\":{\"username\":\"u\",\"password\":\"p\"}}  \nX=1",
		"dockercfg": "D={\"r.tld\":{\"auth\":\"" + basic("old:old") + "\",\"email\":\"e\"},\"s.tld\":{\"auth\":\"dTpw\"}}\n",
	} {
		t.Run(authType, func(t *testing.T) {
			start := strings.Index(content, "{")
			end := strings.LastIndex(content, "}") + 1
			data := registryauth.Parse(authType, []byte(content[start:end]), start)
			replaced, err := registryauth.Replace([]byte(content), username, secret.New(password), data.Registries[0])
			if err != nil {
				t.Fatal(err)
			}
			if string(replaced[:start]) != content[:start] || !strings.HasSuffix(string(replaced), content[end:]) || strings.Count(string(replaced), "\n") != strings.Count(content, "\n") {
				t.Errorf("other bytes changed: %q", replaced)
			}
			again := registryauth.Parse(authType, replaced[start:len(replaced)-len(content)+end], start)
			if r := again.Registries[0]; r.Username != username || r.Password.Reveal() != password {
				t.Errorf("read back %q %q", r.Username, r.Password.Reveal())
			}
			if summary(registryauth.Data{Registries: again.Registries[1:]}) != summary(registryauth.Data{Registries: data.Registries[1:]}) {
				t.Error("the other registry changed")
			}
			back, err := registryauth.Replace(replaced, data.Registries[0].Username, data.Registries[0].Password, again.Registries[0])
			if err != nil || (authType == "dockercfg" && string(back) != content) {
				t.Errorf("back: %q, %v", back, err)
			}
		})
	}
}

func TestReplaceRefuses(t *testing.T) {
	content := []byte(`{"r.tld":{"username":"u"},"s.tld":{"username":"u","password":"p"},"t.tld":{"username":1}}`)
	data := registryauth.Parse("docker", content[:len(content)-len(`,"t.tld":{"username":1}}`)], 0)
	if len(data.Registries) != 0 {
		t.Fatal("cut-off data has registries")
	}
	whole := []byte(`{"r.tld":{"username":"u"},"s.tld":{"username":"u","password":"p"}}`)
	data = registryauth.Parse("docker", whole, 0)
	for name, try := range map[string]func() ([]byte, error){
		"no password to replace": func() ([]byte, error) {
			return registryauth.Replace(whole, "a", secret.New("canary"), data.Registries[0])
		},
		"another content": func() ([]byte, error) {
			return registryauth.Replace([]byte("short"), "a", secret.New("canary"), data.Registries[1])
		},
		"colon in a user name": func() ([]byte, error) {
			cfg := []byte(`{"r.tld":{"auth":"dTpw"}}`)
			return registryauth.Replace(cfg, "a:b", secret.New("canary"), registryauth.Parse("dockercfg", cfg, 0).Registries[0])
		},
	} {
		replaced, err := try()
		if err == nil || replaced != nil {
			t.Errorf("%s: %q", name, replaced)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows the password", name)
		}
	}
}

// agentDocker and agentDockercfg are the agent's structures.
type (
	agentDocker map[string]struct {
		Username, Password, Auth, Email, ServerAddress, IdentityToken, RegistryToken string
	}
	agentDockercfg map[string]struct{ Auth string }
)

// FuzzParse holds the reading against encoding/json with the agent's own
// structures: the same registries, and a fault exactly where it gives an error.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"r.tld":{"username":"u","password":"p"}}`, `{"r.tld":{"auth":"dTpw"}}`, `{"auths":{}}`, `null`, `{"a":{"AUTH":null,"auth":"Og=="}}`, `[1]`, `{"a":5}`, `{"a":{"email":{}}}`} {
		f.Add(true, seed)
		f.Add(false, seed)
	}
	f.Fuzz(func(t *testing.T, docker bool, data string) {
		authType := registryauth.Dockercfg
		want := map[string]string{}
		var err error
		if docker {
			authType = registryauth.Docker
			var read agentDocker
			err = json.Unmarshal([]byte(data), &read)
			for key, entry := range read {
				want[key] = entry.Username + "\x00" + entry.Password
			}
		} else {
			var read agentDockercfg
			err = json.Unmarshal([]byte(data), &read)
			for key, entry := range read {
				decoded, err := base64.StdEncoding.DecodeString(entry.Auth)
				if user, password, ok := strings.Cut(string(decoded), ":"); err == nil && ok {
					want[key] = user + "\x00" + password
				}
			}
		}
		got := registryauth.Parse(authType, []byte(data), 0)
		if slices.ContainsFunc(got.Faults, func(f registryauth.Fault) bool { return f.Kind == registryauth.Wrapper }) {
			return // the agent keeps a registry "auths" that serves no image
		}
		fatal := slices.ContainsFunc(got.Faults, func(f registryauth.Fault) bool {
			return f.Kind.LosesAll() && f.Kind != registryauth.Empty
		})
		if fatal != (err != nil) {
			t.Fatalf("%s %q: %v, but encoding/json says %v", authType, data, got.Faults, err)
		}
		if err != nil {
			return
		}
		read := map[string]string{}
		for _, r := range got.Registries {
			read[r.Key] = r.Username + "\x00" + r.Password.Reveal()
		}
		if fmt.Sprint(read) != fmt.Sprint(want) {
			t.Fatalf("%s %q: %q, want %q", authType, data, read, want)
		}
	})
}

// TestNoFaultShowsASecret prints everything that is read of data with a canary.
func TestNoFaultShowsASecret(t *testing.T) {
	const canary = "hunter-canary"
	for _, data := range []string{
		`{"r.tld":{"username":"u","password":"` + canary + `"}}`,
		`{"r.tld":{"username":"u","password":"` + canary,
		`{"https://u:` + canary + `@r.tld":{"username":"u","password":"p"}}`,
		`{"r.tld":"` + canary + `"}`,
		`"` + canary + `"`,
	} {
		for _, authType := range []string{"", "docker", "dockercfg", "x"} {
			read := registryauth.Parse(authType, []byte(data), 0)
			printed := fmt.Sprintf("%v %+v %#v", read, read, read.Faults)
			if strings.Contains(printed, canary) {
				t.Errorf("%s %s shows it: %s", authType, data, printed)
			}
		}
	}
	_, err := registryauth.Replace(nil, "u", secret.New(canary), registryauth.Registry{Key: "r", AuthSpan: registryauth.Span{End: 9}})
	if err == nil || strings.Contains(err.Error(), canary) || errors.Unwrap(err) != nil {
		t.Errorf("the error is %v", err)
	}
}

// TestIsPublic has registries, and credentials that are written where one belongs.
func TestIsPublic(t *testing.T) {
	for key, want := range map[string]bool{
		"r.tld": true, "registry.example.com:5000/team/app": true, "https://index.docker.io/v1/": true, "R.Example.COM": true, "HTTPS://r.tld": true, "docker://r.tld": true,
		"123456789012.dkr.ecr.us-east-1.amazonaws.com": true, "localhost": true, "MyRegistry:5000": true, "myregistry": true, "Myregistry": true, "harbor2": true, "a1b2c3d4e5f6.mirror.example.com": true,
		"": false, "r tld": false, "ci:pass@r.tld": false, strings.Repeat("a.", 150) + "tld": false,
		"AK" + "IAIOSFODNN7EXAMPLE": false, "r.tld/gh" + "p_" + strings.Repeat("a1B2", 9): false, "qW7eRt5yUi3oPa1sDf": false, "a1b2c3d4e5f6g7h8": false, "xqzjvwkpbtrmgfhd": false,
		"ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0In0.c2lnbmF0dXJl": false, "Xk9.pLm2vQ8rT": false,
	} {
		if got := registryauth.IsPublic(key); got != want {
			t.Errorf("%q: %v", key, got)
		}
	}
}
