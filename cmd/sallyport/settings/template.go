package settings

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-auth/sallyport"
)

// Template is a file of settings that says what can be set. Every setting is commented out at its
// default, or with an example where it has none; the examples of secrets are random and new. Nothing
// is set, so it loads as it is, and so it does when every "#" right before a key is taken away.
func Template() []byte {
	t := &template{told: map[string]bool{}}
	t.prose("# ", templateHead...)
	for _, key := range decided {
		for i := range table {
			if table[i].key == key {
				t.setting(&table[i])
			}
		}
	}
	for i := range table {
		if row := &table[i]; !slices.Contains(decided, row.key) {
			t.setting(row)
		}
	}
	return []byte(strings.Join(t.lines, "\n") + "\n")
}

var templateHead = []string{
	"Settings of Sallyport. Begin with issuer and idps; the rest may stay as it is.",
	"",
	`A "#" right before a key comments a setting out: it stands there with its default, or with an example where it has none. ` +
		"Take the \"#\" away and change the value. All settings can come from the environment as well: tokens.access_ttl is " +
		"SALLYPORT_TOKENS_ACCESS_TTL there, and SALLYPORT_TOKENS_ACCESS_TTL_FILE names a file that holds the value. " +
		"The secrets below are random and were made for this file.",
	"",
	`"sallyport config check" says whether everything is right, "sallyport config print" what counts.`,
}

// decided are the settings that somebody must decide, which stand first.
var decided = []string{"issuer", "idps"}

// template is a file of settings under way.
type template struct {
	lines    []string
	sections []string        // in which the last line is
	told     map[string]bool // members of idps that have been explained
}

func (t *template) line(text string) { t.lines = append(t.lines, strings.TrimRight(text, " ")) }

// prose writes paragraphs, each line after prefix.
func (t *template) prose(prefix string, paragraphs ...string) {
	for _, paragraph := range paragraphs {
		line := prefix
		for _, word := range strings.Fields(paragraph) {
			if len(line) > len(prefix) && len(line)+len(word) > 100 {
				t.line(line)
				line = prefix
			}
			line += word + " "
		}
		t.line(line)
	}
}

// setting writes a row. Its sections are not commented out: empty ones do no harm.
func (t *template) setting(row *setting[Settings]) {
	names := strings.Split(row.key, ".")
	sections := names[:len(names)-1]
	if len(sections) == 0 || len(t.sections) == 0 || sections[0] != t.sections[0] {
		t.line("")
	}
	for i, name := range sections {
		if i >= len(t.sections) || t.sections[i] != name {
			t.line(indent(i) + name + ":")
			t.sections = nil // what is below another section is another one
		}
	}
	t.sections = sections
	margin := indent(len(sections))
	t.prose(margin+"# ", row.about+row.choice())
	if row.key == "idps" {
		t.prose(margin+"# ", "One example of each kind; remove what you do not need. The name and the client are the least.")
		t.line("#idps:")
		for _, provider := range allProviders {
			t.idp(provider)
		}
		return
	}
	t.line(margin + "#" + names[len(names)-1] + ": " + row.written(row.field(new(Settings))))
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

// idp writes one entry of idps with all members that the provider has, and says what each is the first time.
func (t *template) idp(provider string) {
	margin := "#  - "
	for _, row := range idpTable {
		example := row.rule
		switch {
		case !row.isOf(provider), row.key == "issuer" && provider != ProviderOIDC:
			continue
		case strings.HasSuffix(row.key, "_endpoint") && provider == ProviderCognito: // which has a domain
			continue
		case row.key == "name" || row.key == "provider":
			example.example = provider
		case row.ofProvider != nil:
			example.standard = strconv.FormatBool(row.ofProvider[provider])
		}
		if row.key != "name" && !t.told[row.key] { // which begins the entry
			t.prose("#    # ", row.about+row.choice())
		}
		t.told[row.key] = true
		if row.lines {
			t.line(margin + row.key + ": |")
			for line := range strings.Lines(randomKey()) {
				t.line("#      " + strings.TrimSpace(line))
			}
			continue
		}
		t.line(margin + row.key + ": " + example.written(row.field(new(IDP))))
		margin = "#    "
	}
}

// choice is what the value may be.
func (r rule) choice() string {
	switch {
	case len(r.words) > 0 && strings.Contains(r.about, "("+r.words[0]+")"): // which says what each does
	case len(r.words) > 0:
		return " (" + strings.Join(r.words, ", ") + ")"
	case r.most != "":
		return " (" + r.least + " to " + r.most + ")"
	}
	return ""
}

// written is the default or the example as YAML.
func (r rule) written(into any) string {
	text := r.standard
	if text == "" {
		text = r.example
	}
	switch into.(type) {
	case *[]string:
		return "[" + text + "]"
	case *map[string]string, *map[string]any:
		return "{" + text + "}"
	case *bool, **bool, *int:
		return text
	case *Secret:
		text = randomText()
	case *HookSecret:
		text = "whsec_" + randomText()
	}
	return quoted(text)
}

// plainLike is text that YAML readers of any version take for text without quotes.
var plainLike = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9_./:=+-]*$`)

func quoted(text string) string {
	_, err := strconv.ParseFloat(text, 64)
	if !plainLike.MatchString(text) || err == nil || slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, text) {
		return strconv.Quote(text)
	}
	return text
}

// randomKey is a key as Apple hands it out (PKCS #8 in PEM), of nobody.
func randomKey() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "" // never
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "" // never
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// randomText is 256 bits from a secure source.
func randomText() string {
	key := make([]byte, sallyport.MinSecretBytes)
	rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}
