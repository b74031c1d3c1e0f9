package documents

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// ceiling is how many stiff words of 1,000 are let pass. It comes from comparable
// projects of the field (age, karpenter, tailscale, cosign: 0.3 to 0.8).
const ceiling = 0.8

func TestWordingIsPlain(t *testing.T) {
	root, _ := checkout(t)
	counts, err := ReadWording(root)
	if err != nil {
		t.Fatal(err)
	}
	var all Wording
	for kind, of := range counts {
		t.Logf("%s: %d words, %.2f stiff ones per 1,000", kind, of.Words, of.Per1000())
		if of.Words < 3000 {
			t.Errorf("only %d words in %s", of.Words, kind)
		}
		all.Words += of.Words
		all.Hits = append(all.Hits, of.Hits...)
	}
	t.Logf("all: %d words, %.2f stiff ones per 1,000", all.Words, all.Per1000())
	if all.Per1000() > ceiling {
		t.Errorf("%.2f of 1,000 words are stiff (%s), more than %.1f. Write what a colleague would say:", all.Per1000(), Stiff, ceiling)
		for _, hit := range all.Hits {
			t.Error(hit)
		}
	}
}

func TestWordingIsCounted(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"a.go":               "package a\n\n// It is told anew.\nconst a = \"nobody knows what it tells of\"\n\nconst b = \"anew\"\n",
		"README.md":          "# Whoever\n\nplain words\n",
		"template.yaml":      "# is to be\n",
		"testdata/README.md": "nobody\n",
		".git/x.md":          "nobody\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := ReadWording(root)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]string{"comments": "4 [a.go:3: is told a.go:3: anew]", "messages": "6 [a.go:4: nobody a.go:4: tells of]", "documents": "3 [README.md:1: Whoever]", "template": "3 [template.yaml:1: is to be]"} {
		if got := fmt.Sprint(counts[kind].Words, " ", counts[kind].Hits); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
	}
}
