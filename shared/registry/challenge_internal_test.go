package registry

import (
	"net/http"
	"reflect"
	"testing"
)

func TestParseChallenges(t *testing.T) {
	tests := map[string]struct {
		fields []string
		want   []challenge
	}{
		"distribution": {
			[]string{`Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`},
			[]challenge{{"bearer", map[string]string{"realm": "https://auth.docker.io/token", "service": "registry.docker.io"}}},
		},
		"basic, spaces and an escape": {
			[]string{`Basic  realm = "a \"b\"" , charset=UTF-8`},
			[]challenge{{"basic", map[string]string{"realm": `a "b"`, "charset": "UTF-8"}}},
		},
		"two in one field": {
			[]string{`Basic realm="a, b", Bearer REALM="https://x/t"`},
			[]challenge{{"basic", map[string]string{"realm": "a, b"}}, {"bearer", map[string]string{"realm": "https://x/t"}}},
		},
		"two fields": {
			[]string{`Bearer realm="x"`, `Basic realm="y"`},
			[]challenge{{"bearer", map[string]string{"realm": "x"}}, {"basic", map[string]string{"realm": "y"}}},
		},
		"scheme without parameters": {[]string{"Negotiate"}, []challenge{{"negotiate", map[string]string{}}}},
		"the first of a name wins":  {[]string{`Bearer realm="x",realm="y"`}, []challenge{{"bearer", map[string]string{"realm": "x"}}}},
		"unfinished text":           {[]string{`Bearer realm="x`}, []challenge{{"bearer", map[string]string{}}}},
		"unfinished escape":         {[]string{`Bearer realm="x\`}, []challenge{{"bearer", map[string]string{}}}},
		"parameter without scheme":  {[]string{`="x"`}, nil},
		"empty":                     {[]string{"", ",,"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := parseChallenges(http.Header{"Www-Authenticate": test.fields}); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://auth.docker.io/token",service="registry.docker.io", Basic realm=x`)
	f.Add(`Basic realm="a\"b`)
	f.Fuzz(func(t *testing.T, field string) {
		for _, c := range parseChallenges(http.Header{"Www-Authenticate": {field}}) {
			if c.scheme == "" || c.parameters == nil {
				t.Errorf("%q has a challenge without a scheme", field)
			}
		}
	})
}
