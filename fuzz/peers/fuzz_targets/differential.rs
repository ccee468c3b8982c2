#![no_main] 
