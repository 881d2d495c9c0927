package main

import "strings"

// cryptoFunctions adds what draws random numbers, makes keys or makes certificates.
func cryptoFunctions(f map[string]function) {
	random := func(name string) function {
		extra := []string{`{{ NAME 5 | len }}`, `{{ NAME 0 }}`, `{{ NAME -1 }}`, `{{ NAME "5" }}`, `{{ NAME nil }}`, `{{ NAME }}`, `{{ NAME 1 2 }}`, `{{ NAME .f }}`, `{{ NAME .int | len }}`, `{{ NAME .i32 | len }}`, `{{ NAME 100 | len }}`, `{{ NAME .u8 | len }}`, `{{ NAME 8 | typeOf }}`, `{{ 3 | NAME | len }}`, `{{ NAME .missing }}`, `{{ NAME .list }}`, `{{ NAME true }}`, `{{ eq (NAME 30) (NAME 30) }}`, `{{ NAME 1.0 | len }}`, `{{ NAME 1.5 }}`, `{{ NAME .nil }}`}
		return function{unstable: true, extra: named(name, extra)}
	}
	for name, class := range map[string]string{"randAlphaNum": "^[a-zA-Z0-9]{200}$", "randAlpha": "^[a-zA-Z]{200}$", "randAscii": "^[ -~]{200}$", "randNumeric": "^[0-9]{200}$"} {
		spec := random(name)
		spec.extra = append(spec.extra, `{{ regexMatch "`+class+`" (`+name+` 200) }}`)
		f[name] = spec
	}
	bytes := random("randBytes")
	bytes.extra = append(bytes.extra, `{{ randBytes 16 | b64dec | len }}`)
	f["randBytes"] = bytes
	f["uuidv4"] = function{unstable: true, extra: []string{`{{ uuidv4 | len }}`, `{{ regexMatch "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" uuidv4 }}`, `{{ uuidv4 1 }}`, `{{ eq uuidv4 uuidv4 }}`, `{{ uuidv4 | typeOf }}`, `{{ "x" | uuidv4 }}`, `{{ substr 14 15 uuidv4 }}`}}
	uuid := f["uuidv4"]
	for _, template := range composed("uuidv4") {
		// What it adds to a number is chance.
		if !strings.Contains(template, "add ") {
			uuid.extra = append(uuid.extra, template)
		}
	}
	f["uuidv4"] = uuid
	f["bcrypt"] = function{unstable: true, extra: append([]string{`{{ bcrypt "x" | trunc 7 }}`, `{{ bcrypt "x" | len }}`, `{{ bcrypt "" | len }}`, `{{ bcrypt (repeat 72 "a") | len }}`, `{{ bcrypt .uni | len }}`}, wrongOne("bcrypt")...)}
	f["htpasswd"] = function{unstable: true, extra: append([]string{`{{ htpasswd "joe" "x" | trunc 11 }}`, `{{ htpasswd "joe" "x" | len }}`, `{{ htpasswd "a:b" "x" }}`, `{{ htpasswd "" "x" | len }}`, `{{ htpasswd "joe" }}`, `{{ htpasswd "joe" 1 }}`, `{{ htpasswd "a" "b" "c" }}`, `{{ htpasswd "a:" nil }}`}, wrongOne("htpasswd")...)}
	// Each of these takes a tenth of a second.
	derive := []string{`{{ derivePassword 1 "long" "password" "user" "example.com" }}`, `{{ derivePassword 4294967295 "maximum" "pässword" "" .uni }}`, `{{ derivePassword 0 "medium" "" "user" "" }}`, `{{ derivePassword 2 "short" "password" "user" "example.com" }}`, `{{ derivePassword 3 "basic" "p" "u" "s" }}`, `{{ derivePassword 1 "pin" "password" "user" "example.com" | printf "%T %s" }}`}
	derive = append(derive, `{{ derivePassword 1 "nope" "a" "b" "c" }}`, `{{ derivePassword 1 "" "a" "b" "c" }}`, `{{ derivePassword 1 .uni "a" "b" "c" }}`, `{{ derivePassword -1 "long" "a" "b" "c" }}`, `{{ derivePassword 4294967296 "long" "a" "b" "c" }}`, `{{ derivePassword .u "nope" "a" "b" "c" }}`, `{{ derivePassword .int "nope" "a" "b" "c" }}`, `{{ derivePassword "1" "nope" "a" "b" "c" }}`, `{{ derivePassword 1.0 "nope" "a" "b" "c" }}`, `{{ derivePassword 1 "nope" "a" "b" 3 }}`, `{{ derivePassword 1 "nope" "a" "b" }}`, `{{ derivePassword 1 "nope" "a" "b" "c" "d" }}`, `{{ derivePassword 1 nil "a" "b" "c" }}`, `{{ "c" | derivePassword 1 "nope" "a" "b" }}`, `{{ derivePassword .u64 "nope" "a" "b" "c" }}`, `{{ derivePassword .missing "nope" "a" "b" "c" }}`, `{{ derivePassword 1 "nope" .nil "b" "c" }}`)
	f["derivePassword"] = function{unstable: true, extra: derive}
	f["encryptAES"] = function{unstable: true, extra: append([]string{`{{ encryptAES "k" "" }}`, `{{ encryptAES "k" "text" | len }}`, `{{ encryptAES "k" "text" | decryptAES "k" }}`, `{{ encryptAES "" .uni | decryptAES "" }}`, `{{ encryptAES "0123456789012345678901234567890123456789" .text | decryptAES "01234567890123456789012345678901" }}`, `{{ encryptAES "k" (repeat 16 "x") | len }}`, `{{ encryptAES "k" "a" "b" }}`}, wrongOne("encryptAES")...)}
	f["decryptAES"] = function{params: []pool{pool{`"k"`, `""`, `"another key"`}, pool{`""`, `"!"`, `"AAAA"`, `"AAAAAAAAAAAAAAAAAAAAAA=="`, `"AAAAAAAAAAAAAAAAAAAAAAA="`, `"YWFhYWFhYWFhYWFhYWFhYSBiYmI="`}}, extra: []string{`{{ decryptAES "k" "AAAAAAAAAAAAAAAAAAAAABo4s1NKxVjHSCtVi7Ym1oo=" | len }}`}}
	f["genPrivateKey"] = function{unstable: true, extra: append([]string{`{{ genPrivateKey "ecdsa" | trunc 30 }}`, `{{ genPrivateKey "ed25519" | trunc 27 }}`, `{{ genPrivateKey "foo" }}`, `{{ genPrivateKey "ed25519" | len }}`, `{{ genPrivateKey "ecdsa" | len }}`, `{{ genPrivateKey "RSA" }}`}, wrongOne("genPrivateKey")...)}
	key := `{{ $k := genPrivateKey "ecdsa" }}`
	f["genCA"] = function{unstable: true, extra: append([]string{`{{ genCA "x" "y" }}`, `{{ genCA "x" nil }}`, `{{ genCA "x" 1 2 }}`}, wrongOne("genCA")...)}
	f["genCAWithKey"] = function{unstable: true, extra: append([]string{key + `{{ $c := genCAWithKey "ca" 365 $k }}{{ eq $c.Key $k }} {{ trunc 27 $c.Cert }} {{ typeOf $c }}`, key + `{{ (genCAWithKey "" 0 $k).Cert | hasSuffix "-----END CERTIFICATE-----\n" }}`, `{{ genCAWithKey "ca" 365 "" }}`, `{{ genCAWithKey "ca" 365 "-----BEGIN X-----\nAAAA\n-----END X-----\n" }}`, `{{ genCAWithKey "ca" 365 "-----BEGIN FOO PRIVATE KEY-----\nAAAA\n-----END FOO PRIVATE KEY-----\n" }}`, key + `{{ (genCAWithKey "ca" 1 $k).Nope }}`, key + `{{ genCAWithKey 1 1 $k }}`}, wrongOne("genCAWithKey")...)}
	f["genSelfSignedCert"] = function{unstable: true, extra: append([]string{`{{ genSelfSignedCert "x" (list "nope") nil 1 }}`, `{{ genSelfSignedCert "x" (list 1) nil 1 }}`, `{{ genSelfSignedCert "x" nil (list 1) 1 }}`, `{{ genSelfSignedCert "x" nil nil "1" }}`, `{{ genSelfSignedCert "x" "y" nil 1 }}`, `{{ genSelfSignedCert "x" nil nil }}`}, wrongOne("genSelfSignedCert")...)}
	f["genSelfSignedCertWithKey"] = function{unstable: true, extra: append([]string{key + `{{ $c := genSelfSignedCertWithKey "x" (list "10.0.0.1" "::1") (list "a.b" "*.c") 30 $k }}{{ eq $c.Key $k }} {{ trunc 27 $c.Cert }}`, key + `{{ (genSelfSignedCertWithKey "x" nil nil 30 $k).Key | trunc 30 }}`, key + `{{ genSelfSignedCertWithKey "x" (list "nope") nil 1 $k }}`, key + `{{ genSelfSignedCertWithKey "x" (list) (list .nil) 1 $k }}`, `{{ genSelfSignedCertWithKey "x" nil nil 1 "no key" }}`}, wrongOne("genSelfSignedCertWithKey")...)}
	f["genSignedCert"] = function{unstable: true, extra: append([]string{`{{ genSignedCert "x" nil nil 1 (dict "Cert" "a") }}`, `{{ genSignedCert "x" nil nil 1 nil }}`, `{{ genSignedCert "x" nil nil 1 "ca" }}`}, wrongOne("genSignedCert")...)}
	f["genSignedCertWithKey"] = function{unstable: true, extra: append([]string{key + `{{ $ca := genCAWithKey "ca" 365 $k }}{{ $c := genSignedCertWithKey "leaf" nil (list "a.b") 30 $ca $k }}{{ eq $c.Key $k }} {{ trunc 27 $c.Cert }}`, key + `{{ $ca := genCAWithKey "ca" 365 $k }}{{ genSignedCertWithKey "leaf" (list "x") nil 30 $ca $k }}`, key + `{{ $ca := genCAWithKey "ca" 365 $k }}{{ genSignedCertWithKey "leaf" nil nil 30 $ca "" }}`}, wrongOne("genSignedCertWithKey")...)}
	f["buildCustomCert"] = function{params: []pool{pool{`""`, `"!"`, `"eA=="`, `(b64enc "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")`}, pool{`""`, `"!"`, `"eA=="`}}, extra: []string{key + `{{ $c := genCAWithKey "ca" 1 $k }}{{ $b := buildCustomCert (b64enc $c.Cert) (b64enc $c.Key) }}{{ eq $b.Cert $c.Cert }} {{ eq $b.Key $c.Key }}`, key + `{{ $c := genCAWithKey "ca" 1 $k }}{{ buildCustomCert (b64enc $c.Cert) "" }}`}}
}

func named(name string, templates []string) []string {
	out := make([]string, len(templates))
	for i, t := range templates {
		out[i] = strings.ReplaceAll(t, "NAME", name)
	}
	return out
}

// wrongOne calls the function with one argument of each type.
func wrongOne(name string) []string {
	out := []string{"{{ " + name + " }}"}
	for _, value := range wrong {
		if value == `"str"` {
			continue
		}
		out = append(out, "{{ "+name+" "+value+" }}")
	}
	return out
}
