package escape_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
)

func TestPlaces(t *testing.T) {
	tests := map[string]struct {
		place      func(string) string
		text, want string
	}{
		"a mention of a channel":      {escape.Chat, "<!channel> hello", "&lt;!channel&gt; hello"},
		"a mention by name":           {escape.Chat, "@here @Ada", "@\u200bhere @\u200bAda"},
		"a Markdown link":             {escape.Chat, "[your bill](https://evil.example)", "[your bill]\u200b(https\u200b://evil.example)"},
		"a Slack link":                {escape.Chat, "<https://evil.example|docs>", "&lt;https\u200b://evil.example|docs&gt;"},
		"a link behind an underscore": {escape.Chat, "_https://evil.example_ __HTTP://evil.example", "_https\u200b://evil.example_ __HTTP\u200b://evil.example"},
		"an S3 address":               {escape.Chat, "s3://acme/prod/ecs.config", "s3://acme/prod/ecs.config"},
		"an image's reference":        {escape.Chat, "registry.example.com/a/b:1@sha256:0a", "registry.example.com/a/b:1@\u200bsha256:0a"},
		"lines":                       {escape.Line, "a\r\nb\u2028c", "a  b c"},
		"text that runs backwards":    {escape.Line, "abc\u202egnp.exe", "abcgnp.exe"},
		"bytes that are no text":      {escape.Line, "a\xff\xfeb", "a b"},
		"a subject in other letters":  {escape.Subject, "  größe", "gr??e"},
		"a long subject":              {escape.Subject, strings.Repeat("a", 200), strings.Repeat("a", 97) + "..."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.place(test.text); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

var (
	link    = regexp.MustCompile(`(?i)https?:`)
	mention = regexp.MustCompile(`(?i)@(channel|here|everyone)`)
)

// FuzzPlaces holds every place to what it promises about any text.
func FuzzPlaces(f *testing.F) {
	for _, seed := range []string{"<!here|x>", "[a](http://b)", "\x1b[0m", "\u202e", "@everyone", "a\xff", "](", "![a][b]", "HTTPS://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, place := range map[string]func(string) string{
			"line": escape.Line, "chat": escape.Chat, "subject": escape.Subject,
		} {
			got := place(text)
			if !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) || strings.ContainsRune(got, '\u202e') {
				t.Errorf("%s: %q", name, got)
			}
		}
		if got := escape.Chat(text); strings.ContainsAny(got, "<>") || strings.Contains(got, "](") || link.MatchString(got) || mention.MatchString(got) {
			t.Errorf("chat: %q", got)
		}
		if subject := escape.Subject(text); len(subject) > 100 {
			t.Errorf("subject of %d characters", len(subject))
		}
	})
}
