//! Whatever speech services do, one after another, no word is lost and none is doubled.

use fourwire_wire::frame::Channel::{self, Remote, User};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::harness::Call;
use crate::harness::client::Client;
use crate::harness::service::{Farewell, Handshake, Manner, Service};
use crate::harness::voice::words;

/// A fault that begins at a moment and is over a while later.
#[derive(Clone, Debug)]
struct Fault {
    channel: Channel,
    at: u64,
    millis: u64,
    service: Service,
    /// Whether the stream that is open then breaks off.
    cut: bool,
}

fn fault() -> impl Strategy<Value = Fault> {
    let service = prop_oneof![
        (0_u64..2_000).prop_map(|millis| Service { handshake: Handshake::Refuse(millis), ..Service::default() }),
        (0_u64..4_000).prop_map(|millis| Service { handshake: Handshake::Accept(millis), ..Service::default() }),
        Just(Service { handshake: Handshake::Never, ..Service::default() }),
        Just(Service { manner: Manner::Quiet, ..Service::default() }),
        Just(Service { manner: Manner::Garbage, ..Service::default() }),
        Just(Service { manner: Manner::Error, ..Service::default() }),
        Just(Service { farewell: Farewell::Abrupt, ..Service::default() }),
    ];
    (any::<bool>(), 0_u64..40_000, 0_u64..2_000, service, any::<bool>()).prop_map(|(user, at, millis, service, cut)| {
        Fault { channel: if user { User } else { Remote }, at, millis, service, cut }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_word_is_lost_or_doubled(mut faults in proptest::collection::vec(fault(), 1..4)) {
        faults.sort_by_key(|fault| fault.at);
        let (user, remote) = (words(0, 65, 0, 600), words(100, 55, 300, 700));
        let mut call = Call::with_services(2);
        call.play(&Client::new(16_000, 40_000, user.clone(), remote.clone()));
        for fault in faults {
            call.run_until(fault.at);
            *call.world.services[0].get_mut(fault.channel) = fault.service;
            if fault.cut {
                call.world.cut(fault.channel, call.now);
            }
            call.run_for(fault.millis);
            *call.world.services[0].get_mut(fault.channel) = Service::default();
        }
        call.run_until(40_100);
        call.end();
        call.run_for(40_000);
        call.assert_heard(User, &user);
        call.assert_heard(Remote, &remote);
    }
}
