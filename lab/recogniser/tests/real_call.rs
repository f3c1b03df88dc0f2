//! The recogniser against a real telephone call of two people, through the same pipes that the lab uses.
//!
//! `FOURWIRE_MODEL` names the model directory, and `FOURWIRE_SAMPLE` the directory with `sample.wav` (30 s, both people in
//! one channel) and `sample.stm` (who said what, and when). `cargo xtask` fetches both.

#![allow(clippy::disallowed_methods, reason = "a native program has clocks")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "30 s of audio"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

const RATE: f32 = 16_000.0;
/// Words wrong of words said, in each channel.
const MAX_WRONG: f32 = 0.25;
/// A turn begins and ends a little outside its marks.
const BEFORE_SECONDS: f32 = 0.12;
const AFTER_SECONDS: f32 = 0.15;
/// Keeps the cut from being heard as a click.
const FADE_SAMPLES: usize = 160;

const QUICK: u8 = 0;
const CAREFUL: u8 = 1;

/// The recogniser's process and its pipes.
struct Recogniser {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    sent: u32,
}

impl Recogniser {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fourwire-recogniser"))
            .arg(from_environment("FOURWIRE_MODEL"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut ready = String::new();
        answers.read_line(&mut ready).unwrap();
        assert_eq!(ready, "{\"ready\":true}\n");
        Self { process, requests, answers, sent: 0 }
    }

    fn send(&mut self, mode: u8, samples: &[i16]) -> u32 {
        self.sent += 1;
        let mut bytes = self.sent.to_le_bytes().to_vec();
        bytes.push(mode);
        bytes.extend((samples.len() as u32).to_le_bytes());
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.requests.write_all(&bytes).unwrap();
        self.sent
    }

    fn answer(&mut self, id: u32) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], id);
        answer
    }

    fn words(&mut self, mode: u8, samples: &[i16]) -> Vec<Value> {
        let id = self.send(mode, samples);
        let answer = self.answer(id);
        answer["words"].as_array().unwrap_or_else(|| panic!("no words in {answer}")).clone()
    }

    fn finish(mut self) {
        drop(self.requests);
        assert!(self.process.wait().unwrap().success());
    }
}

/// One person's uninterrupted stretch of the call.
struct Turn {
    speaker: String,
    said: Vec<String>,
    samples: Vec<i16>,
}

/// Cuts the call into turns at the marks, each padded and faded. Marks that touch once they are padded are one turn, as
/// they would be for any pause detector.
fn turns() -> Vec<Turn> {
    let directory = PathBuf::from(from_environment("FOURWIRE_SAMPLE"));
    let mut wav = hound::WavReader::open(directory.join("sample.wav")).unwrap();
    assert_eq!((wav.spec().sample_rate, wav.spec().channels, wav.spec().bits_per_sample), (16_000, 1, 16));
    let call: Vec<i16> = wav.samples().map(Result::unwrap).collect();

    let stm = std::fs::read_to_string(directory.join("sample.stm")).unwrap();
    let mut marks: Vec<(String, usize, usize, String)> = Vec::new();
    for line in stm.lines().filter(|line| !line.trim().is_empty()) {
        // File, channel, speaker, start, end, text.
        let fields: Vec<&str> = line.splitn(6, ' ').collect();
        let at = |seconds: &str, shift: f32| ((seconds.parse::<f32>().unwrap() + shift).max(0.0) * RATE) as usize;
        let (start, end) = (at(fields[3], -BEFORE_SECONDS), at(fields[4], AFTER_SECONDS).min(call.len()));
        match marks.last_mut() {
            Some((speaker, _, last, text)) if speaker == fields[2] && *last >= start => {
                *last = end;
                *text = format!("{text} {}", fields[5]);
            }
            _ => marks.push((fields[2].to_owned(), start, end, fields[5].to_owned())),
        }
    }
    let turn = |(speaker, start, end, text): (String, usize, usize, String)| Turn {
        speaker,
        said: normal(text.split_whitespace()),
        samples: faded(&call[start..end]),
    };
    marks.into_iter().map(turn).collect()
}

fn faded(samples: &[i16]) -> Vec<i16> {
    let gain = |i: usize| (i.min(samples.len() - 1 - i) as f32 / FADE_SAMPLES as f32).min(1.0);
    samples.iter().enumerate().map(|(i, sample)| (f32::from(*sample) * gain(i)) as i16).collect()
}

/// Lower-case words without punctuation; compounds and contractions as their parts, and "OK" as it is spoken.
fn normal<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let whole = words.into_iter().map(|word| word.to_lowercase().replace("n't", " not").replace('\'', " "));
    let parts: Vec<String> =
        whole.flat_map(|word| word.split([' ', '-']).map(str::to_owned).collect::<Vec<_>>()).collect();
    let plain = parts.into_iter().map(|part| part.replace(|c: char| !c.is_alphanumeric(), ""));
    plain.filter(|part| !part.is_empty()).map(|part| if part == "ok" { "okay".to_owned() } else { part }).collect()
}

/// Words to insert, delete or replace to make one text of the other.
fn edits(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, expected) in said.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, word) in heard.iter().enumerate() {
            let replaced = diagonal + usize::from(expected != word);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()]
}

fn from_environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}, as the top of this file says"))
}

#[test]
fn each_channel_of_a_real_call_is_heard() {
    let mut recogniser = Recogniser::start();
    for (mode, name) in [(QUICK, "quick"), (CAREFUL, "careful")] {
        let mut channels: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
        let turns = turns();
        let began = Instant::now();
        for turn in &turns {
            let words = recogniser.words(mode, &turn.samples);
            let texts = words.iter().map(|word| word["word"].as_str().unwrap());
            let channel = channels.entry(turn.speaker.clone()).or_default();
            channel.0.extend(turn.said.clone());
            channel.1.extend(normal(texts));

            let mut time = 0.0;
            for word in &words {
                let (start, end) = (word["start"].as_f64().unwrap(), word["end"].as_f64().unwrap());
                assert!(start >= time - 0.001 && end > start && end - start < 1.5, "{word} after {time} s");
                assert!((0.0..=1.0).contains(&word["confidence"].as_f64().unwrap()), "{word}");
                time = end;
            }
            assert!(time <= f64::from(turn.samples.len() as f32 / RATE) + 0.021);
        }
        println!("{name}: {:?} a request", began.elapsed() / turns.len() as u32);
        assert_eq!(channels.len(), 2);
        for (speaker, (said, heard)) in channels {
            let wrong = edits(&said, &heard) as f32 / said.len() as f32;
            println!("{name}: channel of {speaker}, {} words, {:.1} % wrong", said.len(), wrong * 100.0);
            assert!(wrong <= MAX_WRONG, "said:  {}\nheard: {}", said.join(" "), heard.join(" "));
        }
    }
    recogniser.finish();
}

#[test]
fn nothing_is_heard_where_nobody_speaks() {
    let mut recogniser = Recogniser::start();
    let mut seed = 1_u32;
    let mut noise = |amplitude: f32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((seed >> 16) as f32 / 32_768.0 - 1.0) * amplitude
    };
    let seconds = |seconds: usize| seconds * RATE as usize;
    let tone = |i: usize, hertz: f32| (i as f32 / RATE * hertz * std::f32::consts::TAU).sin();
    let ringing = |i: usize| {
        let volume = if i < seconds(2) { 4_000.0 } else { 0.0 };
        ((tone(i, 440.0) + tone(i, 480.0)) * volume) as i16
    };
    let quiet: [(&str, Vec<i16>); 6] = [
        ("nothing", Vec::new()),
        ("digital silence", vec![0; seconds(5)]),
        ("line noise", (0..seconds(5)).map(|_| noise(60.0) as i16).collect()),
        ("loud noise", (0..seconds(29)).map(|_| noise(3_000.0) as i16).collect()),
        ("mains hum", (0..seconds(5)).map(|i| (tone(i, 50.0) * 2_000.0 + noise(30.0)) as i16).collect()),
        ("ringing", (0..seconds(6)).map(ringing).collect()),
    ];
    for (what, samples) in quiet {
        for mode in [QUICK, CAREFUL] {
            assert_eq!(recogniser.words(mode, &samples), Vec::<Value>::new(), "{what}, mode {mode}");
        }
    }
    recogniser.finish();
}

#[test]
fn a_word_is_timed_from_the_first_sample_and_the_silence_around_it_is_not_part_of_it() {
    let mut recogniser = Recogniser::start();
    let turn = turns().into_iter().next().unwrap();
    let delay = 2.0;
    let silence = vec![0; (delay * RATE) as usize];
    let samples = [silence.as_slice(), &turn.samples, &silence].concat();
    for mode in [QUICK, CAREFUL] {
        let words = recogniser.words(mode, &samples);
        let length = f64::from(turn.samples.len() as f32 / RATE);
        let (first, last) = (words.first().unwrap(), words.last().unwrap());
        assert_eq!(first["word"], turn.said[0]);
        assert!(first["start"].as_f64().unwrap() >= f64::from(delay), "{first}");
        assert!(last["end"].as_f64().unwrap() <= f64::from(delay) + length + 0.02, "{last}");
    }
    recogniser.finish();
}

#[test]
fn a_refused_request_is_answered_in_its_place_and_the_next_one_is_served() {
    let mut recogniser = Recogniser::start();
    let long = recogniser.send(CAREFUL, &vec![0; 30 * RATE as usize + 1]);
    let good = recogniser.send(QUICK, &turns()[0].samples);
    assert_eq!(recogniser.answer(long)["error"], "a request carries at most 480000 samples, this one 480001");
    assert_ne!(recogniser.answer(good)["words"], Value::Array(Vec::new()));
    recogniser.finish();
}

#[test]
fn a_directory_that_is_no_model_is_one_sentence_and_exit_code_1() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_fourwire-recogniser")).arg(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(sentence.contains("has no model.bin") && sentence.lines().count() == 1, "{sentence}");
}
