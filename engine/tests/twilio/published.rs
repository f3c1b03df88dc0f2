//! Requests with signatures that Twilio's documentation and the tests of its libraries (Node, Python, Ruby, Java, Go, C#)
//! publish, with the answers of the Node library where they do not agree.

use fourwire_engine::twilio::signature::{Body, SignatureError};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{signature, tokens};

use Sent::{Form, Other};

/// A body as it is sent.
#[derive(Clone, Copy)]
enum Sent {
    Form(&'static str),
    Other(&'static str),
}

/// URL, body and signature.
type Example = (&'static str, Sent, &'static str);

const TOKEN: &str = "12345";
const PAIRS: &str = "s3cr3t";
const RACK: &str = "qwerty";
const LEGACY: &str = "1c892n40nd03kdnc0112slzkl3091j20";

const BASE: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const CALL: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
const ENDED: &str = "Digits=1234&CallSid=CA1234567890ABCDE&To=%2B18005551212&Caller=%2B14158675309&From=%2B14158675309&ReasonConferenceEnded=test&Reason=Participant";
const VOICE: &str = "CalledZip=94612&AccountSid=AC9a9f9392lad99kla0sklakjs90j092j3&ApiVersion=2010-04-01&CallSid=CAd800bb12c0426a7ea4230e492fef2a4f&CallStatus=ringing&Called=%2B15306384866&CalledCity=OAKLAND&CalledCountry=US&CalledState=CA&Caller=%2B15306666666&CallerCity=SOUTH+LAKE+TAHOE&CallerCountry=US&CallerName=CA+Wireless+Call&CallerState=CA&CallerZip=89449&Direction=inbound&From=%2B15306666666&FromCity=SOUTH+LAKE+TAHOE&FromCountry=US&FromState=CA&FromZip=89449&To=%2B15306384866&ToCity=OAKLAND&ToCountry=US&ToState=CA&ToZip=94612";
const JSON: &str = r#"{"property": "value", "boolean": true}"#;

#[test]
fn a_form_is_signed_with_the_url_as_it_was_given() {
    accepted(
        TOKEN,
        &[
            (BASE, Form(CALL), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            (BASE, Form(ENDED), "vOEb5UThFn24KEfnOFLQY2AE5FY="),
            (BASE, Form("property=value&boolean=true"), "NBdBDr/T/lgjI+tlgpXjKZQZs/k="),
            (
                BASE,
                Form(
                    "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212",
                ),
                "0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
            ),
            (
                "https://example.com/myapp.php?foo=1&bar=2",
                Form(
                    "Digits=1234&To=%2B18005551212&From=%2B14158675310&Caller=%2B14158675310&CallSid=CA1234567890ABCDE",
                ),
                "L/OH5YylLD5NRKLltdqwSvS0BnU=",
            ),
            (
                "http://mycompany.com/myapp.php?foo=1&bar=2",
                Form("Digits=1234&To=%2B18005551212&From=%2B14158675309&CallSid=CA1234567890ABCDE"),
                "HpS7PBa1Agvt4OtO+wZp75IuQa0=",
            ),
            ("https://mycompany.com/myapp.php", Form(CALL), "1xaxFBvyzXYvWplzNOSs28HWO94="),
            (BASE, Form(""), "zYQTYrRWXE7LtzbG4PfP7/bkkGo="),
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&type=thiswontbeusedinthesignaturegeneratorandsoshouldbeignored",
                Form(CALL),
                "hYkNsTBttoNGkyCS0p+wWmQoRTg=",
            ),
            (
                "https://mycompany.com/myapp.php?foo=hello%20world&bar=test%2Bvalue",
                Form(CALL),
                "er2tvAP1Wx+iuTTE2BPgvEaN1cs=",
            ),
            ("https://mycompany.com/webhook/España?año=2023", Form(CALL), "G/Hx6mqqnjUNlPAoi2Sp9bGst0g="),
        ],
    );
}

#[test]
fn a_whole_voice_webhook_is_accepted() {
    accepted(LEGACY, &[("http://www.postbin.org/1ed898x", Form(VOICE), "fF+xx6dTinOaCdZ0aIeNkHr/ZAA=")]);
}

#[test]
fn a_signature_for_something_else_is_refused() {
    refused(
        TOKEN,
        &[
            (BASE, Form(CALL), "WRONG_SIGNATURE"),
            (BASE, Form(CALL), "NOTRSOYDt4T1cUTdK1PDd93/VVr8B8="),
            (BASE, Form(CALL), "IncorrectSignatureValue123="),
            (BASE, Form(ENDED), "95+Bu0JVPi0r/SsESZCVf0dWAjw="),
        ],
    );
}

#[test]
fn fields_count_by_name_then_value_with_empty_ones_and_without_doubles() {
    accepted(
        TOKEN,
        &[
            (
                BASE,
                Form("MessagingBinding.Address=%2B1325xxxxxxx&MessagingBinding.Address=%2B1415xxxxxxx"),
                "83O6e2vORAoJHUNzJjDWN1jz+BA=",
            ),
            (
                BASE,
                Form("MessagingBinding.Address=%2B1415xxxxxxx&MessagingBinding.Address=%2B1325xxxxxxx"),
                "83O6e2vORAoJHUNzJjDWN1jz+BA=",
            ),
            (
                BASE,
                Form("Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234"),
                "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
            ),
            (
                BASE,
                Form(
                    "Message=Hello+%26+goodbye%21+%40%23%24%25%5E*%28%29&From=%2B1+%28415%29+867-5309&Special=unicode%3A+%C3%B1%C3%A1%C3%A9%C3%AD%C3%B3%C3%BA",
                ),
                "dCPiR4WtQ6QFN6pJh81CtlCcWLQ=",
            ),
            (BASE, Form("Digits=&CallSid=CA1234567890ABCDE&EmptyParam="), "9HHp/OqQMEwdrVebHDdA/+tqjX8="),
            (BASE, Form("Digits=&CallSid=CA1234567890ABCDE&NullParam="), "L9lTTwIlxM1xGAtLRwhOSZggRhM="),
            (BASE, Form("Zebra=last&Alpha=first&Beta=second&Gamma=third"), "enveUe73ZTVLAekHxez3Qx6JuuQ="),
            (BASE, Form("callSid=lowercase&CallSid=uppercase&CALLSID=allcaps"), "jDK7WKT8wiNrwggd4ceTv4e1MJ4="),
        ],
    );
}

#[test]
fn a_port_may_be_signed_or_left_out() {
    accepted(
        TOKEN,
        &[
            ("https://mycompany.com:1234/myapp.php?foo=1&bar=2", Form(CALL), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("https://mycompany.com:1234/myapp.php?foo=1&bar=2", Form(CALL), "CYn1h0gLBdNxDGkKJg6hYohgeD8="),
            (BASE, Form(CALL), "kvajT1Ptam85bY51eRf/AJRuM3w="),
            ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", Form(CALL), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
            ("http://mycompany.com/myapp.php?foo=1&bar=2", Form(CALL), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
            ("https://mycompany.com:1234/myapp.php?foo=1&bar=2", Form(ENDED), "vOEb5UThFn24KEfnOFLQY2AE5FY="),
            ("http://mycompany.com/myapp.php?foo=1&bar=2", Form(ENDED), "n2xBNyzSW7rfYStDtOFiFMv7qNo="),
            ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", Form(ENDED), "n2xBNyzSW7rfYStDtOFiFMv7qNo="),
            ("https://mycompany.com:443//myapp.php?foo=1&bar=2", Form(CALL), "A9lH3u16NjyiiM/+wylw5rirFUs="),
        ],
    );
}

#[test]
fn a_user_is_signed_as_a_part_of_the_url() {
    accepted(
        TOKEN,
        &[
            ("https://user:pass@mycompany.com/myapp.php?foo=1&bar=2", Form(CALL), "CukzLTc1tT5dXEDIHm/tKBanW10="),
            ("https://user:pass@mycompany.com/myapp.php?foo=1&bar=2", Form(CALL), "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
            ("https://user@mycompany.com/myapp.php?foo=1&bar=2", Form(CALL), "2YRLlVAflCqxaNicjMpJcSTgzSs="),
            ("https://user@mycompany.com/myapp.php?foo=1&bar=2", Form(CALL), "aZfj4hyX1MLZhSS6QIL18Vn2/RA="),
            (
                "http://username:password@MyCompany.com/myapp.php?foo=1&bar=2",
                Form(CALL),
                "PJ08CxXr7KLPjEQCTc8LkUSMwSM=",
            ),
            (
                "HTTP://username:password@MyCompany.com/myapp.php?foo=1&bar=2",
                Form(CALL),
                "hy/l8pca+LFms4cvRdv8uiP6NGc=",
            ),
            (
                "http://Username:Password@MyCompany.com/myapp.php?foo=1&bar=2",
                Form(CALL),
                "SkTSKyDJH9kUlhItI0slbgZ1UsI=",
            ),
        ],
    );
}

#[test]
fn a_host_is_signed_in_its_case_or_in_small_letters() {
    // The last two are refused by some of the libraries, and accepted by the one that is the model here.
    accepted(
        TOKEN,
        &[
            ("https://MyCompany.com/myapp.php?foo=1&bar=2", Form(CALL), "g9IN/x4Cft2g517EjYvEvM/W7LU="),
            ("https://MyCompany.com:1234/myapp.php?foo=1&bar=2", Form(CALL), "PCqOZm8cnu/L6+u5i5fuEd+Iac4="),
            ("http://MyCompany.com/myapp.php?foo=1&bar=2", Form(CALL), "XY7AlKOKL6im4yWyX84gldUrtis="),
            ("https://MyCompany.com/myapp.php?foo=1&bar=2", Form(CALL), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("https://MyCompany.com:1234/myapp.php?foo=1&bar=2", Form(CALL), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ],
    );
}

#[test]
fn a_host_in_small_letters_does_not_make_up_for_another_scheme() {
    refused(TOKEN, &[("http://MyCompany.com/myapp.php?foo=1&bar=2", Form(CALL), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")]);
}

#[test]
fn an_apostrophe_may_be_signed_raw_or_escaped() {
    accepted(
        TOKEN,
        &[
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing",
                Form(CALL),
                "dsq4Ehbj6cs+KdTkpF5sSSplOWw=",
            ),
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing",
                Form(CALL),
                "TfZzewPq8wqrGlMfyAud8+/IvJ0=",
            ),
        ],
    );
}

#[test]
fn url_and_signature_may_differ_in_port_and_escaping() {
    accepted(
        PAIRS,
        &[
            ("https://example.com:443/path?test=param", Form(""), "IdwMFypqvNxti3YgvWWmfcNL26M="),
            ("https://example.com/path?test=param", Form(""), "IdwMFypqvNxti3YgvWWmfcNL26M="),
            ("https://example.com/path?test=param", Form(""), "loLgTitFAoWx57yy5oEU4Hlddzw="),
            ("https://example.com:443/path?test=param", Form(""), "loLgTitFAoWx57yy5oEU4Hlddzw="),
            ("https://example.com/path?test=param'WithQuote", Form(""), "GfI7onHX/KQ2k1oVS3cUTVk4IEw="),
            ("https://example.com/path?test=param%27WithQuote", Form(""), "GfI7onHX/KQ2k1oVS3cUTVk4IEw="),
            ("https://example.com/path?test=param'WithQuote", Form(""), "HkuXLxVQ7zHv9LmGpzlLuGaxhJY="),
            ("https://example.com/path?test=param%27WithQuote", Form(""), "HkuXLxVQ7zHv9LmGpzlLuGaxhJY="),
        ],
    );
}

#[test]
fn url_and_signature_may_not_differ_in_a_parameter() {
    refused(PAIRS, &[("https://example.com/path?test=param2", Form(""), "loLgTitFAoWx57yy5oEU4Hlddzw=")]);
}

#[test]
fn json_is_accepted_by_its_hash_in_the_url() {
    accepted(
        TOKEN,
        &[
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
                Other(JSON),
                "a9nBmqA0ju/hNViExpshrM61xv4=",
            ),
            (
                "https://mycompany.com/myapp.php?bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
                Other(JSON),
                "y77kIzt2vzLz71DgmJGsen2scGs=",
            ),
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                Other("{}"),
                "Ldidvp12m26NI7eqEvxnEpkd9Hc=",
            ),
        ],
    );
}

#[test]
fn json_without_its_hash_is_refused() {
    refused(
        TOKEN,
        &[
            (BASE, Other(JSON), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("https://mycompany.com/myapp.php", Other(JSON), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            (
                "https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e662",
                Other(JSON),
                "a9nBmqA0ju/hNViExpshrM61xv4=",
            ),
            (BASE, Other(JSON), "vOEb5UThFn24KEfnOFLQY2AE5FY="),
        ],
    );
}

#[test]
fn another_account_has_another_token() {
    accepted(
        RACK,
        &[
            ("https://example.com/test", Form("foo=bar"), "TR9Skm9jiF4WVRJznU5glK5I83k="),
            (
                "https://example.com/test?bodySHA256=8d90d640c6ba47d595ac56203d7f5c6b511be80fdf44a2055acca75a119b9fd2",
                Other(r#"{"message": "a post body"}"#),
                "zR5Oq4f6cijN5oz5bisiVuxYnTU=",
            ),
        ],
    );
}

#[test]
fn a_good_signature_does_not_make_up_for_another_body() {
    refused(
        RACK,
        &[
            (
                "https://example.com/test?bodySHA256=79bfb0acaf0045fd30f13d48d4fe296b393d85a3bfbee881a0172b2bd574b11e",
                Other(r#"{"message": "a post body that does not match the bodySHA256"}"#),
                "+LYlbGr/VmN84YPJQCuWs+9UA7E=",
            ),
            ("https://example.com/test", Form("foo=bar"), "foobarbaz"),
        ],
    );
}

#[test]
fn a_request_without_a_signature_is_told_apart() {
    // One example has an empty header, one has none.
    assert_eq!(tokens(TOKEN).verify(BASE, Body::Form(CALL.as_bytes()), ""), Err(SignatureError::Missing));
}

#[test]
fn a_hash_is_the_sha_256_of_the_body_in_small_hexadecimal_digits() {
    let hash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    for (named, good) in [(hash, true), ("WRONG_HASH", false), (&hash.to_uppercase(), false)] {
        let url = format!("{BASE}&bodySHA256={named}");
        let verdict = tokens(TOKEN).verify(&url, Body::Other(JSON.as_bytes()), &signature(TOKEN, &url));
        assert_eq!(verdict.is_ok(), good, "{named}");
    }
}

fn accepted(token: &str, examples: &[Example]) {
    for (url, body, signature) in examples {
        assert_eq!(tokens(token).verify(url, body.as_body(), signature), Ok(()), "{url} {signature}");
    }
}

fn refused(token: &str, examples: &[Example]) {
    for (url, body, signature) in examples {
        let verdict = tokens(token).verify(url, body.as_body(), signature);
        assert_eq!(verdict, Err(SignatureError::Invalid), "{url} {signature}");
    }
}

impl Sent {
    fn as_body(self) -> Body<'static> {
        match self {
            Form(form) => Body::Form(form.as_bytes()),
            Other(text) => Body::Other(text.as_bytes()),
        }
    }
}
